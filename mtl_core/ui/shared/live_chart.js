const mounted = new WeakMap();

function library(source) {
  window.freezeLabPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = source;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { delete window.freezeLabPlotly; script.remove(); reject(); };
    document.head.append(script);
  });
  return window.freezeLabPlotly;
}

function phasesOf(layout) {
  return (layout.annotations ?? []).filter(({ name }) => name === 'phase');
}

// On a phone, phase names overlap. Names that do not fit are replaced by the phase number.
function fitPhases(layout, texts, width) {
  const phases = phasesOf(layout);
  const [low, high] = layout.xaxis?.range ?? [0, 1];
  const pixels = (width - layout.margin.l - layout.margin.r) / (high - low);
  phases.forEach((phase, n) => {
    const end = phases[n + 1]?.x ?? high + layout.margin.r / pixels;
    const letters = texts[n].replace(/<[^>]*>|&[a-z]+;/g, '-').length;
    const fits = (letters - 1) * 6.4 <= (end - phase.x) * pixels;
    phase.text = fits ? texts[n] : texts[n].replace(/<\/b>.*?( ●)?$/, '</b>$1');
  });
}

function saveAs(format, Plotly, box, { title, facts, filename, background }) {
  const layout = structuredClone(box.layout);
  const text = `${title}<br><span style="font-size:12px">${facts}</span>`;
  layout.title = { text, x: 0, xref: 'paper', y: 0.95, yref: 'container', yanchor: 'top',
    font: { size: 15 } };
  layout.paper_bgcolor = background;
  layout.margin = { ...layout.margin, t: layout.margin.t + 56 };
  const size = { width: Math.max(box.offsetWidth, 880), height: box.offsetHeight + 56 };
  const scale = format === 'png' ? 2 : 1;
  Plotly.downloadImage({ data: box.data, layout }, { format, filename, scale, ...size });
}

// State of one figure. The configuration must remain the same object: Plotly redraws the figure and
// resets the zoom if it gets another one.
function mount(Plotly, box, touch) {
  const own = {};
  const save = (format, icon) => ({
    name: format, title: `Save as ${format.toUpperCase()}`, icon,
    click: (plot) => saveAs(format, Plotly, plot, own.data),
  });
  own.config = {
    displaylogo: false, displayModeBar: touch ? false : 'hover',
    modeBarButtons: [[save('svg', Plotly.Icons.camera), save('png', Plotly.Icons['camera-retro'])]],
    doubleClick: 'reset', showTips: false,
  };
  own.resized = new ResizeObserver(() => {
    if (!own.drawn || !box.offsetWidth) return;
    fitPhases(box.layout, own.phases, box.offsetWidth);
    Plotly.Plots.resize(box);
  });
  own.resized.observe(box);
  mounted.set(box, own);
  return own;
}

// Switching between light and dark changes the page's colors at once, but the colors of the figure
// are set in Python. This triggers a rerun, once per background.
function followTheme(box, data, setTriggerValue) {
  const shown = getComputedStyle(box).getPropertyValue('--st-background-color').trim();
  const differs = shown && shown.toLowerCase() !== data.background.toLowerCase();
  if (differs && box.freezeLabAskedFor !== shown) setTriggerValue('theme', shown);
  box.freezeLabAskedFor = differs ? shown : null;
}

export default function ({ parentElement, data, setTriggerValue }) {
  const box = parentElement.querySelector('.freeze-lab-plot');
  const touch = window.matchMedia('(pointer: coarse)').matches;
  const { data: traces, layout } = structuredClone(data.figure);
  layout.modebar = { bgcolor: 'rgba(0,0,0,0)', color: data.muted, activecolor: data.ink };
  if (touch) {  // swiping over the figure should scroll the page
    layout.dragmode = false;
    layout.xaxis.fixedrange = true;
  }
  box.setAttribute('role', 'figure');  // as st.plotly_chart: an image may have no buttons inside
  box.setAttribute('aria-label', data.alt);
  followTheme(box, data, setTriggerValue);
  const update = box.freezeLabUpdate = (box.freezeLabUpdate ?? 0) + 1;
  library(data.source).then(async (Plotly) => {
    while (box._dragging) await new Promise((wake) => setTimeout(wake, 100));
    if (!box.isConnected || update !== box.freezeLabUpdate) return;  // a newer update follows
    const own = mounted.get(box) ?? mount(Plotly, box, touch);
    own.data = data;
    own.phases = phasesOf(layout).map(({ text }) => text);
    if (box.offsetWidth) fitPhases(layout, own.phases, box.offsetWidth);
    await Plotly.react(box, traces, layout, own.config);
    box.querySelectorAll('.main-svg').forEach((svg) => svg.setAttribute('aria-hidden', 'true'));
    own.drawn = true;
  }).catch(() => { box.textContent = 'The chart could not be drawn. Reload the page.'; });
  return () => {
    const own = mounted.get(box);
    own?.resized.disconnect();
    if (own?.drawn) window.Plotly.purge(box);
    mounted.delete(box);
  };
}
