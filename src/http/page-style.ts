/** The style of our own pages, and what Swagger UI needs to be read by everybody. */
const OWN = `:root { color-scheme: light dark; --page: #fafafa; --text: #222; --notice: #fff3cd; --link: #1a5fb4; }
@media (prefers-color-scheme: dark) {
  :root { --page: #1c2022; --text: #e4e6e6; --notice: #4a3c0b; --link: #8ab8f5; }
}
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.5 sans-serif; }
header a, .page a { color: var(--link); }
.notice { margin: 0; padding: 0.75rem 1.25rem; background: var(--notice); }
.page { max-width: 42rem; margin: 0 auto; padding: 2rem 1.25rem; }
.wide { max-width: 1460px; box-sizing: border-box; margin: 0 auto; padding: 0.75rem 1.25rem 0; }
.wide p { margin: 0 0 0.5rem; }
.wide summary { cursor: pointer; }
.wide dt { margin-top: 0.75rem; }
.wide dd { max-width: 50rem; margin: 0; }
h1 { line-height: 1.25; }
.page dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; }
.page dt { font-weight: 600; }
.page dd { margin: 0; overflow-wrap: anywhere; }
`;

/** Colours that are told apart (WCAG 2.2, 1.4.3: a contrast of 4.5), where Swagger UI's own are not. */
const COLOURS = `.swagger-ui .info .title small { background: #5a6070; }
.swagger-ui .info .title small.version-stamp { background: #4d6b02; }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: #1565b8; }
.swagger-ui .opblock.opblock-put .opblock-summary-method { background: #a34f00; }
.swagger-ui .btn.execute { background: #2468b4; border-color: #2468b4; color: #fff; }
.swagger-ui .download-contents { background: #5a6070; }
.swagger-ui .json-schema-2020-12__constraint { background: #6b46c1; color: #fff; font-size: 0.75rem; }
.swagger-ui .json-schema-2020-12__constraint--string { background: #8a5a00; }
.swagger-ui .microlight span[style*="rgb(211, 99, 99)"] { color: #ff9d9d !important; }
html:not(.dark-mode) .swagger-ui .link, html:not(.dark-mode) .swagger-ui .renderedMarkdown a { color: #1a5fb4; }
html:not(.dark-mode) .swagger-ui .btn.authorize { border-color: #1a7a4c; color: #1a7a4c; }
html:not(.dark-mode) .swagger-ui .btn.authorize svg { fill: #1a7a4c; }
html:not(.dark-mode) .swagger-ui .btn.cancel { border-color: #c01c1c; color: #c01c1c; }
html:not(.dark-mode) .swagger-ui .parameter__in { color: #5c5c5c; }
html:not(.dark-mode) .swagger-ui .json-schema-2020-12-expand-deep-button { color: #5c5c5c; }
html:not(.dark-mode) .swagger-ui .json-schema-2020-12-keyword__value--warning { border-color: #b3121d; color: #b3121d; }
html:not(.dark-mode) .swagger-ui .renderedMarkdown code { color: #7200d0; }
html.dark-mode .swagger-ui .opblock[class] .opblock-section-header { background: #23282b; }
html.dark-mode .swagger-ui .try-out .btn.cancel { border-color: #ff9d9d; color: #ff9d9d; }
html.dark-mode .swagger-ui .header-col,
html.dark-mode .swagger-ui .examples-select__section-label { color: #e4e6e6; }
`;

/** On a phone nothing scrolls sideways: code breaks, and the columns of a table go one below the other. */
const PHONE = `.swagger-ui .microlight { white-space: pre-wrap !important; overflow-wrap: anywhere; }
.swagger-ui .servers { overflow: hidden; }
.swagger-ui .response-col_links { display: none; }
.swagger-ui .scheme-container { margin: 0 0 1.25rem; padding: 1.25rem 0; box-shadow: none; background: none; }
@media (max-width: 640px) {
  .swagger-ui .wrapper { padding: 0 0.75rem; }
  .swagger-ui .info { margin: 1.5rem 0; }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
  .swagger-ui .responses-table, .swagger-ui .responses-table > tbody, .swagger-ui .responses-table > tbody > tr,
  .swagger-ui .responses-table > tbody > tr > td, .swagger-ui .parameters, .swagger-ui .parameters > tbody,
  .swagger-ui .parameters > tbody > tr, .swagger-ui .parameters > tbody > tr > td { display: block; width: auto; max-width: none; }
  .swagger-ui .responses-table > thead, .swagger-ui .parameters > thead { display: none; }
  .swagger-ui .responses-table td, .swagger-ui .parameters td { padding: 0.25rem 0; overflow-wrap: anywhere; }
  .swagger-ui .headers :is(td, th) { padding-right: 0.5rem; overflow-wrap: break-word; }
  .swagger-ui .response-controls { flex-direction: column; gap: 0.5rem; }
  .swagger-ui .response-col_status { font-weight: 700; border-top: 1px solid rgb(128 128 128 / 40%); }
}
`;

export const PAGE_STYLE = OWN + COLOURS + PHONE;
