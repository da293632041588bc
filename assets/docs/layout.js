/**
 * Swagger UI with an operation's form first: the body, then optional headers, then the button that sends the request. Long
 * parts, such as texts about the API and response headers, are folded. The elements themselves are reordered, not only
 * their boxes, so that keyboards and screen readers reach them in the visible order.
 */
import { codeSamples } from './code-samples.js';

/** The plugin. @param needsKey whether the gateway requires credentials */
export const layout = (needsKey) => (system) => {
  const { React } = system;
  const CodeSamples = codeSamples(system, needsKey);
  return {
    wrapComponents: {
      OAS31Info: changed(foldInfo),
      operation: changedInside(moveDescription),
      parameters: changedInside(formFirst),
      responses: changedInside((tree, props) => answerFirst(tree, props, React, CodeSamples)),
      response: changed(foldDocumented),
      liveResponse: changed(foldLiveHeaders),
      // The code samples include it.
      curl: () => () => null,
      // The only server is the page's own.
      ServersContainer: () => () => null,
    },
  };

  function fold(className, summary, content, open = false) {
    return React.createElement(
      'details',
      { key: className, className, open },
      React.createElement('summary', null, summary),
      ...content,
    );
  }

  function foldInfo(tree) {
    const [title, ...about] = childrenOf(tree);
    return withChildren(tree, [title, fold('about', 'About this API', about)]);
  }

  /** Passes the description to the responses, which show it first. */
  function moveDescription(tree) {
    return inClass(tree, 'opblock-body', (body) => {
      const children = childrenOf(body);
      const about = children.filter(has('opblock-description-wrapper', 'opblock-external-docs-wrapper'));
      return withChildren(
        body,
        children
          .filter((child) => !about.includes(child))
          .map((child) => (child.props.responses ? React.cloneElement(child, { about }) : child)),
      );
    });
  }

  function formFirst(tree) {
    const children = childrenOf(tree);
    const header = children.find(has('opblock-section-header'));
    const parameters = children.find(has('parameters-container'));
    const body = children.find(has('opblock-section-request-body'));
    if (!header || !parameters || !body) return tree;
    const [, tryItOut] = childrenOf(header);
    const rest = children.filter((child) => ![header, parameters, body].includes(child));
    const form = inClass(body, 'opblock-section-header', (own) =>
      withChildren(own, [...childrenOf(own).filter((child) => !choosesNothing(child)), tryItOut]),
    );
    const more = childrenOf(parameters).some(has('table-container'))
      ? [fold('more-parameters', 'Request headers', [parameters])]
      : [];
    return withChildren(tree, [form, ...more, ...rest]);
  }

  /** Whether a field offers only one media type. */
  function choosesNothing(label) {
    return childrenOf(label).some((field) => field.props?.contentTypes?.size === 1);
  }

  function foldDocumented(tree, { code }) {
    const [status, description, ...rest] = childrenOf(tree);
    const [text, ...more] = childrenOf(description);
    const headers = more.find((child) => child.props.headers);
    const shown = more.filter((child) => child !== headers);
    const folded = headers ? [...shown, fold('answer-headers', 'Headers', [headers])] : shown;
    if (folded.length === 0) return tree;
    const whole = fold('answer', text, folded, /^20[01]$/.test(code));
    return withChildren(tree, [status, withChildren(description, [whole]), ...rest]);
  }

  function foldLiveHeaders(tree) {
    return inClass(tree, 'response', (row) =>
      inClass(row, 'response-col_description', (cell) =>
        withChildren(
          cell,
          childrenOf(cell).map((child) =>
            // The component of the body has headers, too.
            child.props.headers && child.props.content === undefined
              ? fold('answer-headers', 'Response headers', [child])
              : child,
          ),
        ),
      ),
    );
  }

  function childrenOf(element) {
    return React.Children.toArray(element?.props?.children);
  }

  function withChildren(element, children) {
    return React.cloneElement(element, {}, ...children);
  }

  /** Changes the first element of a class within a tree. */
  function inClass(tree, className, change) {
    if (has(className)(tree)) return change(tree);
    const children = childrenOf(tree);
    for (const [index, child] of children.entries()) {
      const next = React.isValidElement(child) ? inClass(child, className, change) : child;
      if (next !== child)
        return withChildren(
          tree,
          children.map((other, at) => (at === index ? next : other)),
        );
    }
    return tree;
  }

  function answerFirst(tree, { path, method, about = [] }, react, Samples) {
    const [header, inner] = childrenOf(tree ?? null);
    if (!inner) return tree;
    const children = childrenOf(inner);
    const table = children.find(has('responses-table'));
    // Its second heading replaces the first, which now comes after it.
    const live = children
      .filter((child) => child !== table)
      .map((child) =>
        react.createElement('div', { key: 'live', className: 'live-answer' }, childrenOf(child)[0]),
      );
    const samples = react.createElement(Samples, { key: 'samples', path, method });
    return withChildren(tree, [...live, samples, ...about, header, withChildren(inner, [table])]);
  }
};

const has =
  (...classNames) =>
  (element) =>
    classNames.some((name) => element?.props?.className?.split?.(' ').includes(name));

/** A class or function component whose rendered tree is changed. */
const changed = (change) => (Original) => {
  if (!Original.prototype?.render) return (props) => change(Original(props), props);
  return class extends Original {
    render() {
      const tree = super.render();
      return tree ? change(tree, this.props) : tree;
    }
  };
};

/** The same for a component inside one of Swagger UI's wrappers (error boundary, scroll target). */
const changedInside =
  (change) =>
  (Wrapper, { React }) => {
    const inner = new Map();
    return class extends Wrapper {
      render() {
        const tree = super.render();
        const { type, props } = React.Children.only(tree.props.children);
        if (!inner.has(type)) inner.set(type, changed(change)(type));
        return React.cloneElement(tree, {}, React.createElement(inner.get(type), props));
      }
    };
  };
