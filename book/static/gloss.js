// The gloss of a term, shown beside it: on hover and on keyboard focus, and by the first tap on a
// touch screen (the second tap follows the link). It stays while the pointer is on it, and Escape
// puts it away. Screen readers read the link's own description instead.
(function () {
  var note = document.createElement("div"), shown = null, timer, kind = "";  // "": by keyboard
  note.className = "book-gloss";
  note.setAttribute("aria-hidden", "true");
  note.hidden = true;

  function term(node) { return node instanceof Element ? node.closest(".book-term") : null; }
  function hide() { clearTimeout(timer); note.hidden = true; shown = null; }
  function later(what, wait) { clearTimeout(timer); timer = setTimeout(what, wait); }

  function show(link) {
    clearTimeout(timer);
    if (shown === link) return;
    shown = link;
    note.textContent = link.getAttribute("aria-description");
    var names = note.appendChild(document.createElement("small"));
    names.textContent = link.getAttribute("data-names");
    if (!note.parentNode) document.body.appendChild(note);
    note.hidden = false;
    var at = link.getClientRects()[0], width = note.offsetWidth, height = note.offsetHeight;
    var room = document.documentElement.clientWidth - width - 12;
    var above = at.bottom + height + 8 > innerHeight && at.top > height + 72;
    note.style.left = scrollX + Math.max(12, Math.min(at.left, room)) + "px";
    note.style.top = scrollY + (above ? at.top - height - 4 : at.bottom + 4) + "px";
  }

  document.addEventListener("pointerover", function (event) {
    if (event.pointerType === "touch") return;
    var link = term(event.target);
    if (link) later(function () { show(link); }, shown ? 0 : 200);
    else if (note.contains(event.target)) clearTimeout(timer);
    else if (shown !== document.activeElement || !shown) later(hide, 250);
  });
  document.addEventListener("pointerdown", function (event) { kind = event.pointerType; }, true);
  document.addEventListener("click", function (event) {
    var link = term(event.target);
    if (link && kind === "touch" && shown !== link) { event.preventDefault(); show(link); }
    else if (!note.contains(event.target)) hide();
  });
  document.addEventListener("focusin", function (event) {
    var link = term(event.target);
    if (link && link.matches(":focus-visible")) show(link);
  });
  document.addEventListener("focusout", function (event) { if (!kind && term(event.target)) hide(); });
  document.addEventListener("keydown", function (event) { kind = ""; if (event.key === "Escape") hide(); });
})();
