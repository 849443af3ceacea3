/** Remembers the last result of `make`, as long as it is asked for the same object. */
export function memoizeLatest<Key extends object, Value>(
  make: (key: Key) => Value,
): (key: Key) => Value {
  let last: { key: Key; value: Value } | undefined;
  return (key) => {
    if (last?.key !== key) last = { key, value: make(key) };
    return last.value;
  };
}
