// A colour for each label, the same everywhere. It only helps the eye: the label is always there too.

const GOLDEN = 137.508;

export const hueOf = (index) => String((168 + index * GOLDEN) % 360);
