import { http, type Page } from "@/lib/api";

/** Every item of a list; a list that fits one answer may leave the cursor out. */
export async function allPages<Item>(path: string, signal: AbortSignal): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page: Partial<Page<Item>> = await http.get(path, { limit: 200, cursor }, signal);
    items.push(...(page.items ?? []));
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return items;
}
