// Draws each figure over its SVG, in the theme of the reader's system.
const figures = JSON.parse(document.getElementById('figures').textContent);
const night = window.matchMedia('(prefers-color-scheme: dark)');
const touch = window.matchMedia('(pointer: coarse)').matches;

function layoutFor(layout, muted, ink, width) {
  const changed = structuredClone(layout);
  if (width < 480) {
    for (const note of changed.annotations ?? []) {
      if (note.font) note.font.size = Math.min(note.font.size, 11);
      // On a phone a phase shows only its number, because the names would overlap.
      if (note.yref === 'paper') note.text = note.text.replace(/(<\/b>).*/, '$1');
    }
  }
  changed.modebar = { bgcolor: 'rgba(0,0,0,0)', color: muted, activecolor: ink };
  if (touch) {  // so that touching a figure scrolls the page
    changed.dragmode = false;
    changed.xaxis.fixedrange = true;
  }
  return changed;
}

async function draw(box) {
  const figure = figures[box.dataset.figure][night.matches ? 'dark' : 'light'];
  const style = getComputedStyle(document.documentElement);
  const [muted, ink] = ['--muted', '--ink'].map((name) => style.getPropertyValue(name).trim());
  box.parentElement.classList.add('drawn');
  try {
    await Plotly.react(box, structuredClone(figure.data), layoutFor(figure.layout, muted, ink, box.clientWidth), {
      displaylogo: false, displayModeBar: touch ? false : 'hover', responsive: true,
      doubleClick: 'reset', showTips: false, modeBarButtons: [['toImage']],
      toImageButtonOptions: { format: 'svg', filename: box.dataset.figure },
    });
  } catch {
    box.parentElement.classList.remove('drawn');  // the SVG remains visible
  }
}

const drawAll = () => document.querySelectorAll('[data-figure]').forEach(draw);
night.addEventListener('change', drawAll);
drawAll();
