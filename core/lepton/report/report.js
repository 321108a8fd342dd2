for (const box of document.querySelectorAll("[data-positions]")) {
  const positions = JSON.parse(box.dataset.positions);
  const input = box.querySelector("input");
  const cells = box.querySelectorAll("[data-cell]");
  const show = () => {
    const found = positions[Number(input.value)];
    cells.forEach((cell, i) => { cell.textContent = found[i]; });
    input.setAttribute("aria-valuetext", found[0]);
  };
  input.addEventListener("input", show);
  box.hidden = false;
  show();
}
