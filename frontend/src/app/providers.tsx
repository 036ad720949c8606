import { MantineProvider, useComputedColorScheme } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useLayoutEffect } from "react";
import { usePreferences } from "@/lib/preferences";
import { cssVariablesResolver, theme } from "@/styles/theme";

/** Our tokens switch on `data-theme` and `data-contrast`; Mantine and the device preference decide them. */
function DocumentTheme() {
  const scheme = useComputedColorScheme("light", { getInitialValueInEffect: false });
  const moreContrast = usePreferences((state) => state.moreContrast);
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = scheme;
  }, [scheme]);
  useLayoutEffect(() => {
    if (moreContrast) document.documentElement.dataset.contrast = "more";
    else delete document.documentElement.dataset.contrast;
  }, [moreContrast]);
  return null;
}

type Props = {
  queryClient: QueryClient;
  children: ReactNode;
  /** Tests show and hide things at once instead of fading them. */
  env?: "default" | "test";
};

export function Providers({ queryClient, children, env = "default" }: Props) {
  return (
    <QueryClientProvider client={queryClient}>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={cssVariablesResolver}
        defaultColorScheme="auto"
        env={env}
      >
        <DocumentTheme />
        <Notifications position="bottom-right" limit={4} zIndex={90} />
        {children}
      </MantineProvider>
    </QueryClientProvider>
  );
}
