/** The one way tests put a page on the screen: the whole application at an address, over a mocked server. */
import { createMemoryHistory, RouterProvider } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Providers } from "@/app/providers";
import { createAppRouter } from "@/app/router";
import { createQueryClient } from "@/lib/query-client";
import { type Routes, startServer, workspace } from "./server";

/** `/w` at the start of the address stands for the test workspace. */
export function renderAt(address: string, routes: Routes = {}) {
  const { asked } = startServer(routes);
  const queryClient = createQueryClient();
  queryClient.setDefaultOptions({ queries: { ...queryClient.getDefaultOptions().queries, retry: false } });
  const router = createAppRouter(queryClient);
  router.update({
    ...router.options,
    history: createMemoryHistory({ initialEntries: [address.replace(/^\/w(?=\/)/, `/w/${workspace.id}`)] }),
  } as Parameters<typeof router.update>[0]);
  const screen = render(
    <Providers queryClient={queryClient} env="test">
      <RouterProvider router={router} />
    </Providers>,
  );
  return { ...screen, asked, router, user: userEvent.setup() };
}
