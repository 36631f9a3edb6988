// A thin line under the header: one piece for each part of the page, filled as far as it was read.
document.addEventListener("DOMContentLoaded", function () {
  var header = document.querySelector(".bd-header-article"), article = document.querySelector(".bd-article");
  var parts = article ? article.querySelectorAll(":scope section > h2") : [], waiting = false;
  if (!header || parts.length < 2) return;
  var line = document.createElement("div"), pieces = [];
  line.className = "book-progress";
  line.setAttribute("aria-hidden", "true"); // the list of the page's parts says the same in words
  for (var i = 0; i <= parts.length; i++) {
    pieces.push(document.createElement("span"));
    line.appendChild(pieces[i]).appendChild(document.createElement("span"));
  }
  header.appendChild(line);

  function draw() {
    waiting = false;
    var box = article.getBoundingClientRect(), here = line.getBoundingClientRect().bottom;
    var left = document.documentElement.scrollHeight - innerHeight - scrollY;
    var starts = [box.top].concat(Array.prototype.map.call(parts, function (part) {
      return part.getBoundingClientRect().top;
    }), box.bottom);
    pieces.forEach(function (piece, i) {
      var length = starts[i + 1] - starts[i], read = left < 2 ? 1 : (here + innerHeight * 0.25 - starts[i]) / length;
      piece.style.flexGrow = Math.max(1, Math.round(length));
      piece.firstChild.style.width = Math.max(0, Math.min(100, 100 * read)) + "%";
    });
  }
  function soon() { if (!waiting) { waiting = true; requestAnimationFrame(draw); } }
  addEventListener("scroll", soon, {passive: true});
  new ResizeObserver(soon).observe(article);
  draw();
});
