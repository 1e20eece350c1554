// What the browser keeps for the page. Where it refuses to, values last as long as the page.

function kept(name) {
  try {
    return window[name];
  } catch {
    return inMemory();
  }
}

function inMemory() {
  const values = new Map();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => values.set(key, value),
    removeItem: (key) => values.delete(key),
  };
}

export const ofTab = kept("sessionStorage");
export const ofDevice = kept("localStorage");
