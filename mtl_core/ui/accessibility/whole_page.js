// Moves the focus into an opened popover, and back to a widget that a rerun has built again.
// Lets the first tap on a chart select what is under the finger.

const POPOVER = '[data-testid="stPopoverBody"]';
const FOCUSABLE = 'button, input, textarea, select, summary, a[href], [tabindex]';
const PLOT_AREA = '.js-plotly-plot .nsewdrag';
const state = { watched: false, entered: new WeakSet(), place: null };

function enterPopovers() {
  for (const popover of document.querySelectorAll(POPOVER)) {
    if (state.entered.has(popover)) continue;
    state.entered.add(popover);
    popover.tabIndex = -1;  // its content may be text only
    if (!popover.contains(document.activeElement)) popover.focus({ preventScroll: true });
  }
}

// The focused element as its widget's key and its number inside the widget.
function remember({ target }) {
  const widget = target.closest('[class*="st-key-"]');
  const key = widget && [...widget.classList].find((name) => name.startsWith('st-key-'));
  const number = widget && [...widget.querySelectorAll(FOCUSABLE)].indexOf(target);
  state.place = key && { element: target, key, number, page: location.pathname };
}

function restore() {
  const { place } = state;
  if (!place || place.element.isConnected || document.activeElement !== document.body) return;
  if (place.page !== location.pathname) return;
  const widget = document.getElementsByClassName(place.key)[0];
  widget?.querySelectorAll(FOCUSABLE)[place.number]?.focus({ preventScroll: true });
}

// Plotly selects the point that a pointer was over before the click; a finger was over none.
function hoverFirst({ target, touches }) {
  const area = target.closest?.(PLOT_AREA);
  if (!area || touches.length > 1) return;
  const { clientX, clientY } = touches[0];
  area.dispatchEvent(new MouseEvent('mousemove', { clientX, clientY, bubbles: true }));
}

export default function () {
  if (state.watched) return;
  state.watched = true;
  document.addEventListener('focusin', remember);
  document.addEventListener('pointerdown', () => { state.place = null; }, { capture: true, passive: true });
  document.addEventListener('touchstart', hoverFirst, { capture: true, passive: true });
  new MutationObserver(() => { enterPopovers(); restore(); })
    .observe(document.body, { childList: true, subtree: true });
}
