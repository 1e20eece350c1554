// Files from what was dropped or chosen: `{file, path}`, the path below the folder.

const isHidden = (path) => path.split("/").some((part) => part.startsWith("."));
const sorted = (found) => found
  .filter(({ path }) => !isHidden(path))
  .sort((one, other) => one.path.localeCompare(other.path, "en", { numeric: true }));

/** Of an <input type=file>, with webkitdirectory or without. */
export const filesOfInput = ({ files }) =>
  sorted([...files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));

/** Of a drop: folders with all that is in them. */
export async function filesOfDrop({ items }) {
  // The entries can only be taken before the first wait.
  const entries = [...items].filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found = await Promise.all(entries.filter(Boolean).map(walk));
  return sorted(found.flat());
}

async function walk(entry) {
  if (entry instanceof File) return [{ file: entry, path: entry.name }];
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    return file ? [{ file, path }] : []; // it went meanwhile, or may not be read
  }
  const found = [];
  for (const child of await childrenOf(entry)) found.push(...await walk(child));
  return found;
}

async function childrenOf(folder) {
  const reader = folder.createReader();
  const children = [];
  for (;;) { // browsers return at most a hundred at once
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return children;
    children.push(...some);
  }
}
