(() => {
  "use strict";
  const root = document.currentScript.parentElement;
  const list = root.querySelector("ul"), tools = root.querySelector(".ik-tools");
  const search = tools.querySelector('input[type="search"]');
  const items = [...list.children].map((item) => [item, item.textContent.toLowerCase()]);
  const look = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const [item, text] of items) {
      item.toggleAttribute("data-lost", !words.every((word) => text.includes(word)));
    }
  };
  const order = (key) => {
    const place = ([item]) => Number(item.dataset[key]);
    for (const [item] of [...items].sort((a, b) => place(a) - place(b))) list.append(item);
  };
  tools.hidden = false;
  search.addEventListener("input", look);
  for (const one of tools.querySelectorAll('input[type="radio"]')) {
    one.addEventListener("change", () => one.checked && order(one.value));
  }
})();
