import { notifications } from "@mantine/notifications";
import { asProblem } from "@/lib/api";

/** Short news about something the person just did. */
export function tell(message: string): void {
  notifications.show({ message, autoClose: 4000, withBorder: true });
}

/** That something the person tried did not work out; it is no fault of the product. */
export function tellFailure(message: string): void {
  notifications.show({ message, color: "red", autoClose: 8000, withBorder: true });
}

export function tellProblem(error: unknown): void {
  const problem = asProblem(error);
  notifications.show({
    title: problem.message,
    message: problem.hint,
    color: "red",
    autoClose: 8000,
    withBorder: true,
  });
}
