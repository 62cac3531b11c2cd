// Runs before anything is painted, so that neither theme nor language flashes.
(() => {
  const root = document.documentElement;
  const read = (/** @type {string} */ name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  };
  const theme = read("vistazo.theme");
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  const wanted = read("vistazo.language") || navigator.language || "en";
  root.lang = wanted.toLowerCase().startsWith("es") ? "es" : "en";
})();
