/** Whether a connection that looks open still is: by what was heard, what was sent, and the clock. */

/** The server asks for presence every 20 s; a longer silence means a dead connection. */
const SILENCE_MS = 45_000;
/** A commit takes milliseconds; a frame unanswered this long went into a dead connection. */
const ACK_MS = 8_000;
/** A timer this late means that the machine was asleep; longer than the pause between the server's questions. */
const ASLEEP_MS = 25_000;

export class Liveness {
  private lastHeard = Date.now();
  private lastSent = 0;
  private lastTick = Date.now();

  heard(): void {
    this.lastHeard = Date.now();
  }

  sent(): void {
    this.lastSent = Date.now();
  }

  /** Called about once a second: whether the machine slept since, and whether the connection is a shell. */
  tick(isWaiting: boolean): { slept: boolean; isDead: boolean } {
    const now = Date.now();
    const slept = now - this.lastTick > ASLEEP_MS;
    this.lastTick = now;
    const quiet = now - this.lastHeard;
    const unanswered = isWaiting && now - this.lastSent > ACK_MS && quiet > ACK_MS;
    return { slept, isDead: quiet > SILENCE_MS || unanswered || (slept && quiet > ASLEEP_MS) };
  }
}
