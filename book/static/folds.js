// The theme gives code that scrolls a tab stop when the page loads and when it changes its size.
// Code that is folded away has no width then; it must be asked again when it unfolds.
document.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")), true);
