// Not a module: it runs before the first paint, so that the page does not flash in the other theme.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let theme = null;
  try {
    theme = localStorage.getItem("theme");
  } catch {
    // The browser refuses: the choice lasts as long as the page.
  }
  const isDark = () => (theme ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => {
    root.dataset.theme = theme ?? "";
    document.getElementById("theme")?.setAttribute("aria-pressed", String(isDark()));
  };

  show();
  system.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      theme = isDark() ? "light" : "dark";
      show();
      try {
        localStorage.setItem("theme", theme);
      } catch {
        // As above.
      }
    });
  });
})();
