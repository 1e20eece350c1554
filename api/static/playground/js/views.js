// The views of the page. One is shown: the one that the fragment names, `#VIEW/REST?QUERY`.

const FRAGMENT = /^#([a-z]+)(?:\/([^?]*))?(?:\?(.*))?$/;
const FIRST = "rank";
const views = new Map();

/**
 * Add a view: the section `[data-view=NAME]` and the links `nav [href="#NAME"]` belong to it.
 * `show({rest, query})` is called when the view is shown, and again when its fragment changes;
 * `hide()` when another view is shown.
 */
export function registerView(name, { title, show, hide = () => {} }) {
  views.set(name, { title, show, hide });
}

/** Show the view of the fragment, now and whenever it changes. Call it when all views are registered. */
export function startViews() {
  let shown = null;
  const follow = () => {
    const { name, rest, query } = parse(location.hash);
    if (shown !== name) {
      views.get(shown)?.hide();
      mark(name);
      window.scrollTo(0, 0);
    }
    shown = name;
    views.get(name).show({ rest, query });
  };
  window.addEventListener("hashchange", follow);
  follow();
}

/** A fragment without the name of a view belongs to the first: older links are `#label=…`. */
function parse(hash) {
  const [, name, rest = "", query = ""] = hash.match(FRAGMENT) ?? [];
  if (views.has(name)) return { name, rest: decoded(rest), query: new URLSearchParams(query) };
  return { name: FIRST, rest: "", query: new URLSearchParams(hash.slice(1)) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray per cent sign
  }
}

function mark(name) {
  const { title } = views.get(name);
  document.title = title ? `${title} · CLIP playground` : "CLIP playground";
  for (const section of document.querySelectorAll("[data-view]")) section.hidden = section.dataset.view !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
