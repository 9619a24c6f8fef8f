// SPDX-License-Identifier: Apache-2.0
// Reading JSON that may lack anything: what is absent, or of another type, is undefined.

export type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands at the end of a path of members. */
export function member(of: unknown, ...path: string[]): unknown {
  let at = of;
  for (const name of path) {
    if (!isObject(at) || !Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return at;
}

export function object(of: unknown, ...path: string[]): Json | undefined {
  const value = member(of, ...path);
  return isObject(value) ? value : undefined;
}

export function number(of: unknown, ...path: string[]): number | undefined {
  const value = member(of, ...path);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function text(of: unknown, ...path: string[]): string | undefined {
  const value = member(of, ...path);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A list of `count` numbers, null where there is none; undefined where not one is a number. */
export function numbers(of: unknown, name: string, count: number): (number | null)[] | undefined {
  const value = member(of, name);
  if (!Array.isArray(value) || value.length !== count) return undefined;
  const list = value.map((each) => (typeof each === "number" && Number.isFinite(each) ? each : null));
  return list.some((each) => each !== null) ? list : undefined;
}
