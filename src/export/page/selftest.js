// With #selftest the page tries itself and writes what came of it into a hidden element: for the program's own tests.

const mishaps = [];
window.addEventListener("error", (event) => mishaps.push(String(event.message)));
document.addEventListener("securitypolicyviolation", (event) => mishaps.push(`refused: ${event.violatedDirective}`));

if (window.location.hash === "#selftest") {
  const tried = {};
  try {
    const point = (kind, i) => {
      const [px, py] = onCanvas(axis("x")[i], axis("y")[i]);
      const box = canvas.getBoundingClientRect();
      const at = { clientX: px + box.left, clientY: py + box.top, button: 0, pointerId: 1, bubbles: true };
      canvas.dispatchEvent(new PointerEvent(kind, at));
    };
    const key = (pressed) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: pressed, bubbles: true }));
    const text = (node) => node.textContent.replace(/\s+/g, " ").trim();
    const shown = () => visible.reduce((sum, on) => sum + on, 0);
    Object.assign(tried, { points: count, shown: shown(), colours: colourings.map(({ name }) => name) });
    tried.planes = plot.planes.map(({ name }) => name);
    tried.pinnedFirst = state.pinned < 0 ? null : plot.ids[state.pinned];
    pin(-1);
    draw();
    // Of the visible points one that none covers: the one farthest to the right.
    let far = -1;
    for (let i = 0; i < count; i++) if (visible[i] && (far < 0 || axis("x")[i] > axis("x")[far])) far = i;
    if (far >= 0) {
      point("pointermove", far);
      tried.hovered = { id: plot.ids[state.hover], wanted: plot.ids[far], card: text(cardBox), hidden: cardBox.hidden };
      point("pointerdown", far);
      point("pointerup", far);
      tried.pinned = { id: plot.ids[state.pinned], card: text(pinnedBox), hidden: pinnedBox.hidden };
    }
    key("Escape");
    tried.unpinned = pinnedBox.hidden;
    const words = haystack().find((all) => all.trim()) ?? "";
    queryBox.value = words.split(/\s+/).find(Boolean) ?? "";
    queryBox.dispatchEvent(new Event("input", { bubbles: true }));
    tried.searched = { query: queryBox.value, hits: state.hits.length, status: text(statusBox) };
    key("n");
    tried.next = state.pinned < 0 ? null : plot.ids[state.pinned];
    key("Escape");
    key("Escape");
    const button = legendBox.querySelector("[data-class]");
    if (button) {
      const [before, size] = [shown(), plot.classings[state.classing].of.filter((own) => own === Number(button.dataset.class)).length];
      button.click();
      tried.switched = { name: text(button), size, before, after: shown() };
      legendBox.querySelector("[data-class]").click();
      tried.switchedBack = shown();
    }
    tried.drawn = colourings.map((_, at) => {
      colourBy(at);
      draw();
      return runs.length;
    });
    const scales = [state.scale];
    key("+");
    scales.push(state.scale);
    canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: 100, clientX: 50, clientY: 50, bubbles: true, cancelable: true }));
    scales.push(state.scale);
    key("0");
    scales.push(state.scale);
    tried.zoomed = scales;
    tried.drew = plot.planes.map((_, at) => {
      show(at);
      const from = performance.now();
      draw();
      return performance.now() - from;
    });
    // Whether any pixel has a colour: the plot is not blank.
    tried.inked = brush.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
    // Texts that look like markup must have stayed texts.
    tried.foreign = document.querySelectorAll("img, iframe, object, embed, link, script[src], [onerror], [onload]").length;
  } catch (error) {
    mishaps.push(`${error.name}: ${error.message}`);
  }
  tried.mishaps = mishaps;
  byId("selftest").textContent = JSON.stringify(tried);
}
