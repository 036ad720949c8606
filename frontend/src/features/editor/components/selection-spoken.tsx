/** Says which node the arrow keys have come to, for those who do not see it. */
import { useNodeName } from "../hooks/use-node-name";
import { useUi } from "../stores/context";
import { singleSelection } from "../stores/ui-store";

export function SelectionSpoken() {
  const name = useNodeName(useUi(singleSelection));
  return (
    <span className="sr-only" aria-live="polite" data-testid="selection-spoken">
      {name}
    </span>
  );
}
