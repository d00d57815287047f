/**
 * Puts `nodes`, and nothing else, into `container` in this order. What stands right is not touched, and whoever walks
 * the rows by keyboard is not thrown out of them: moving a node would take its focus away.
 * @param {HTMLElement} container
 * @param {HTMLElement[]} nodes
 */
export function arrange(container, nodes) {
  /** @type {Set<Element>} */
  const kept = new Set(nodes);
  for (const child of [...container.children]) if (!kept.has(child)) child.remove();
  nodes.forEach((node, index) => {
    const there = container.children[index];
    if (there === node) return;
    const { activeElement } = document;
    container.insertBefore(node, there ?? null);
    if (activeElement instanceof HTMLElement && node.contains(activeElement)) activeElement.focus({ preventScroll: true });
  });
}

/** The arrow keys walk the links of `container`. @param {HTMLElement} container @param {KeyboardEvent} event */
export function walk(container, event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.altKey) return;
  /** @type {HTMLElement[]} */
  const links = [...container.querySelectorAll('a')];
  const next = links[links.findIndex((link) => link === document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
