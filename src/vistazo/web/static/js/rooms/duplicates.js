export function follow() {}
export function hide() {}
export const hits = () => [];
