import classes from "./brand.module.css";
import { Icon } from "./icon";

export function Brand() {
  return (
    <span className={classes.brand}>
      <span className={classes.mark}>
        <Icon name="flow" size={16} />
      </span>
      SAGE Studio
    </span>
  );
}
