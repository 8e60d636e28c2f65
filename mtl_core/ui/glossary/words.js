// Marks the first occurrence of each word on the page, and shows its explanation.

const NAME = 'freeze-lab-words';
const SKIPPED = 'button, input, textarea, select, a, code, pre, svg, canvas, [role="tooltip"]';
const WORDS = WORDS_OF_THE_GLOSSARY;
const state = { found: [], watched: null, waiting: null };

function escaped(word) {
  return word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function pattern(word) {
  return new RegExp(`(?<![\\w-])${escaped(word)}s?(?![\\w-])`, /[A-Z]/.test(word) ? '' : 'i');
}

function occurrences(root) {
  const missing = new Map(Object.entries(WORDS).map(([word, text]) => [word, { text, pattern: pattern(word) }]));
  const found = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() && missing.size) {
    const node = walker.currentNode;
    if (!node.nodeValue.trim() || node.parentElement.closest(SKIPPED)) continue;
    for (const [word, { text, pattern }] of missing) {
      const match = pattern.exec(node.nodeValue);
      if (!match) continue;
      const range = new Range();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      if (!range.getClientRects().length) continue;  // hidden
      found.push({ range, text, word });
      missing.delete(word);
    }
  }
  return found;
}

function mark() {
  const root = document.querySelector('[data-testid="stMain"]');
  if (!root) return;
  state.found = occurrences(root);
  CSS.highlights.set(NAME, new Highlight(...state.found.map(({ range }) => range)));
}

function markSoon() {
  clearTimeout(state.waiting);
  state.waiting = setTimeout(mark, 400);
}

function tip() {
  let box = document.getElementById(NAME);
  if (!box) {
    box = document.createElement('div');
    box.id = NAME;
    box.setAttribute('role', 'tooltip');
    document.body.append(box);
  }
  return box;
}

function at(x, y) {
  for (const each of state.found) {
    for (const { left, right, top, bottom } of each.range.getClientRects()) {
      if (x >= left - 2 && x <= right + 2 && y >= top - 2 && y <= bottom + 2) {
        return { ...each, left, top, bottom };
      }
    }
  }
  return null;
}

function show({ clientX, clientY, target }) {
  const box = tip();
  const found = target.closest?.(SKIPPED) ? null : at(clientX, clientY);
  box.hidden = !found;
  if (!found) return;
  if (box.textContent !== found.text) box.textContent = found.text;
  const left = Math.max(8, Math.min(found.left, window.innerWidth - box.offsetWidth - 8));
  const below = found.bottom + 6 + box.offsetHeight < window.innerHeight;
  box.style.left = `${left}px`;
  box.style.top = `${below ? found.bottom + 6 : found.top - box.offsetHeight - 6}px`;
}

function style({ background, ink, line }) {
  let sheet = document.getElementById(`${NAME}-style`);
  if (!sheet) {
    sheet = document.createElement('style');
    sheet.id = `${NAME}-style`;
    document.head.append(sheet);
  }
  sheet.textContent = `
    ::highlight(${NAME}) { text-decoration: underline dotted ${line}; }
    #${NAME} { position: fixed; z-index: 1000000; max-width: min(320px, calc(100vw - 16px));
      padding: 8px 10px; border-radius: 6px; background: ${background}; color: ${ink};
      font: 13px/1.4 "Source Sans", sans-serif; pointer-events: none; }
    #${NAME}[hidden] { display: none; }`;
}

export default function ({ data }) {
  if (!window.CSS?.highlights || !window.Highlight) return;
  style(data);
  if (!state.watched) {
    state.watched = new MutationObserver(markSoon);
    state.watched.observe(document.body, { childList: true, subtree: true, characterData: true });
    document.addEventListener('pointermove', show, { passive: true });
    document.addEventListener('pointerdown', show, { passive: true });
    document.addEventListener('scroll', () => { tip().hidden = true; }, { passive: true, capture: true });
    document.addEventListener('keydown', ({ key }) => { if (key === 'Escape') tip().hidden = true; });
  }
  markSoon();
}
