"use strict";
// Shows what a mark says, at once and at the pointer. Without it the marks' titles do.
(() => {
  const tip = document.getElementById("tip");
  for (const title of document.querySelectorAll("[data-tip] > title")) title.remove();
  const show = (event) => {
    const mark = event.target.closest && event.target.closest("[data-tip]");
    if (!mark) { tip.hidden = true; return; }
    tip.textContent = mark.dataset.tip;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    const x = Math.min(event.clientX + 14, innerWidth - width - 8);
    const y = event.clientY - height - 12 < 8 ? event.clientY + 18 : event.clientY - height - 12;
    tip.style.transform = `translate(${Math.max(8, x)}px, ${y}px)`;
  };
  addEventListener("pointermove", show, { passive: true });
  addEventListener("pointerdown", show, { passive: true });
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
})();
