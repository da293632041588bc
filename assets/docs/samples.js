/**
 * A request as a program in several languages. The programs run as copied, without installing anything. Every part of the
 * request is quoted by the rules of the language, so that no character changes.
 */

/** String literals. */
const quote = {
  // POSIX, 2.2.2: inside single quotes nothing is special, not even a backslash.
  shell: (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`,
  // Typographic quotes end a string in PowerShell, too.
  powershell: (text) => `'${text.replaceAll(/['\u2018-\u201B]/g, '$&$&')}'`,
  javascript: (text) =>
    text.includes('\n')
      ? `\`${text.replaceAll(/[\\`]|\$\{/g, String.raw`\$&`)}\``
      : `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`,
  python: (text) => {
    const escaped = text.replaceAll(/[\\']/g, String.raw`\$&`);
    return text.includes('\n') ? `'''${escaped}'''` : `'${escaped}'`;
  },
  php: (text) => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`,
  csharp: (text) => (/["\\\n]/.test(text) ? `@"${text.replaceAll('"', '""')}"` : `"${text}"`),
};

/** Each part on its own line, indented; line breaks inside a part are kept. */
const lines = (indent, parts) => parts.map((part) => `${indent}${part}\n`).join('');

function curl({ method, url, headers, body }) {
  const given = headers.map(([name, value]) => `-H ${quote.shell(`${name}: ${value}`)}`);
  // --data-raw, because -d reads a file if the text begins with @.
  if (body !== undefined) given.push(`--data-raw ${quote.shell(body)}`);
  // -g, because curl expands brackets and braces.
  const globs = /[[\]{}]/.test(url) ? ' -g' : '';
  return [`curl -i${globs} -X ${method} ${quote.shell(url)}`, ...given].join(' \\\n  ');
}

function powershell({ method, url, headers, body }) {
  const text = quote.powershell;
  const others = headers.filter(([name]) => !isContentType(name));
  const type = headers.find(([name]) => isContentType(name))?.[1];
  const members = [`Method = ${text(method)}`, `Uri = ${text(url)}`];
  if (others.length > 0) {
    members.push(
      `Headers = @{ ${others.map(([name, value]) => `${text(name)} = ${text(value)}`).join('; ')} }`,
    );
  }
  if (type !== undefined) members.push(`ContentType = ${text(type)}`);
  if (body !== undefined) members.push(`Body = [Text.Encoding]::UTF8.GetBytes(${text(body)})`);
  members.push('UseBasicParsing = $true');
  return `$request = @{\n${lines('  ', members)}}
$response = Invoke-WebRequest @request
$response.StatusCode
$response.Content`;
}

function javascript({ method, url, headers, body }) {
  const text = quote.javascript;
  const members = [`method: ${text(method)},`];
  if (headers.length > 0) {
    const given = headers.map(([name, value]) => `    ${text(name)}: ${text(value)},\n`).join('');
    members.push(`headers: {\n${given}  },`);
  }
  if (body !== undefined) members.push(`body: ${text(body)},`);
  return `fetch(${text(url)}, {\n${lines('  ', members)}}).then(async (response) => {
  console.log(response.status, await response.text());
});`;
}

function python({ method, url, headers, body }) {
  const text = quote.python;
  const given = [`${text(url)},`, `method=${text(method)},`];
  if (headers.length > 0) {
    const fields = headers.map(([name, value]) => `        ${text(name)}: ${text(value)},\n`).join('');
    given.push(`headers={\n${fields}    },`);
  }
  if (body !== undefined) given.push(`data=${text(body)}.encode(),`);
  return `import urllib.error
import urllib.request

request = urllib.request.Request(\n${lines('    ', given)})
try:
    with urllib.request.urlopen(request) as response:
        print(response.status, response.read().decode())
except urllib.error.HTTPError as problem:
    print(problem.code, problem.read().decode())`;
}

function php({ method, url, headers, body }) {
  const text = quote.php;
  const options = [`'method' => ${text(method)},`];
  if (headers.length > 0) {
    const fields = headers.map(([name, value]) => `    ${text(`${name}: ${value}`)},\n`).join('');
    options.push(`'header' => [\n${fields}  ],`);
  }
  if (body !== undefined) options.push(`'content' => ${text(body)},`);
  // Otherwise PHP turns a problem into a warning and drops its body.
  options.push("'ignore_errors' => true,");
  return `<?php
$context = stream_context_create(['http' => [\n${lines('  ', options)}]]);
$response = fopen(${text(url)}, 'r', false, $context);
echo stream_get_meta_data($response)['wrapper_data'][0], "\\n";
echo stream_get_contents($response), "\\n";`;
}

function csharp({ method, url, headers, body }) {
  const text = quote.csharp;
  const steps = headers
    .filter(([name]) => !isContentType(name))
    .map(([name, value]) => `request.Headers.TryAddWithoutValidation(${text(name)}, ${text(value)});`);
  if (body !== undefined) {
    const [type = 'application/json'] = headers
      .filter(([name]) => isContentType(name))
      .map(([, value]) => value.split(';', 1)[0]);
    steps.push(`request.Content = new StringContent(${text(body)}, Encoding.UTF8, ${text(type)});`);
  }
  return `using System;
using System.Net.Http;
using System.Text;

class Program
{
    static void Main()
    {
        var request = new HttpRequestMessage(new HttpMethod(${text(method)}), ${text(url)});
${lines('        ', steps)}        using (var client = new HttpClient())
        using (var response = client.SendAsync(request).Result)
        {
            Console.WriteLine((int)response.StatusCode);
            Console.WriteLine(response.Content.ReadAsStringAsync().Result);
        }
    }
}`;
}

const isContentType = (name) => name.toLowerCase() === 'content-type';

/**
 * In display order. `write` takes `{ method, url, headers: [name, value][], body? }`; line breaks are line feeds, as in any
 * text typed into a page.
 */
export const LANGUAGES = [
  { id: 'curl', title: 'curl', write: curl },
  { id: 'javascript', title: 'JavaScript', write: javascript },
  { id: 'python', title: 'Python', write: python },
  { id: 'php', title: 'PHP', write: php },
  { id: 'csharp', title: 'C#', write: csharp },
  { id: 'powershell', title: 'PowerShell', write: powershell },
];
