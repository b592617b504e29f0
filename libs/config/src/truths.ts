/** The words for yes and no in YAML 1.1, which Distribution reads, and the digits that people put into variables. */
export const truths: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'True', 'TRUE', 'yes', 'Yes', 'YES', 'on', 'On', 'ON', 'y', 'Y', '1'].map(
    (word) => [word, true] as const,
  ),
  ...['false', 'False', 'FALSE', 'no', 'No', 'NO', 'off', 'Off', 'OFF', 'n', 'N', '0'].map(
    (word) => [word, false] as const,
  ),
]);
