/**
 * Puts `nodes`, and nothing else, into `container` in this order. What stands right is not touched, and whoever walks
 * the rows by keyboard is not thrown out of them: moving a node would take its focus away.
 * @param {HTMLElement} container
 * @param {HTMLElement[]} nodes
 */
export function arrange(container, nodes) {
  const kept = new Set(nodes);
  for (const child of [...container.children]) if (!kept.has(child)) child.remove();
  nodes.forEach((node, index) => {
    const there = container.children[index];
    if (there === node) return;
    const focused = node.contains(document.activeElement) ? document.activeElement : null;
    container.insertBefore(node, there ?? null);
    focused?.focus({ preventScroll: true });
  });
}
