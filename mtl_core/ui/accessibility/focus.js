// Moves the focus back to a widget that a rerun has built again.

const FOCUSABLE = 'button, input, textarea, select, summary, a[href], [tabindex]';
const state = { watched: false, place: null };

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

export default function () {
  if (state.watched) return;
  state.watched = true;
  document.addEventListener('focusin', remember);
  document.addEventListener('pointerdown', () => { state.place = null; }, { capture: true, passive: true });
  new MutationObserver(restore)
    .observe(document.body, { childList: true, subtree: true });
}
