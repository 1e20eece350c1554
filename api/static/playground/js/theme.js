// Not a module: it runs before the first paint, so that the page does not flash in the other theme.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("theme");
  const isDark = () => (chosen() ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => {
    root.dataset.theme = chosen() ?? "";
    document.getElementById("theme")?.setAttribute("aria-pressed", String(isDark()));
  };

  show();
  system.addEventListener("change", show);
  document.addEventListener("DOMContentLoaded", () => {
    show();
    document.getElementById("theme").addEventListener("click", () => {
      localStorage.setItem("theme", isDark() ? "light" : "dark");
      show();
    });
  });
})();
