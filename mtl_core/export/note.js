// Saves a figure as SVG, or as PNG at twice its size, in the theme that is shown.

function shown(figure) {
  return [...figure.querySelectorAll('.still svg')].find((svg) => svg.getClientRects().length);
}

function saveAs(href, name) {
  const link = document.createElement('a');
  [link.href, link.download] = [href, name];
  link.click();
}

function asPng(address, svg) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => {
      const { width, height } = svg.viewBox.baseVal;
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [2 * width, 2 * height];
      const context = canvas.getContext('2d');
      context.fillStyle = getComputedStyle(document.body).backgroundColor;
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(image, 0, 0, canvas.width, canvas.height);
      resolve(canvas.toDataURL('image/png'));
    };
    image.onerror = reject;
    image.src = address;
  });
}

document.addEventListener('click', async ({ target }) => {
  const format = target.dataset?.save;
  if (!format) return;
  const figure = target.closest('figure');
  const svg = shown(figure);
  const text = new XMLSerializer().serializeToString(svg);
  const address = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  saveAs(format === 'png' ? await asPng(address, svg) : address, `${figure.dataset.name}.${format}`);
});
