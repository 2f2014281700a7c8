// What somebody who listens to the page hears of an answer: whole sentences, a few at a time, and how it ended.

const pause = 1500;  // ms between two announcements

export class Announcer {
  constructor(region) {
    this.region = region;
    this.said = 0;
    this.last = 0;
  }

  begin() {
    this.said = 0;
    this.region.replaceChildren();
  }

  // The text so far. Says what is complete of it, and not faster than it can be listened to.
  progress(text) {
    const now = performance.now();
    if (now - this.last < pause) return;
    const rest = text.slice(this.said);
    const end = Math.max(rest.lastIndexOf('. '), rest.lastIndexOf('? '), rest.lastIndexOf('! '), rest.lastIndexOf('\n'));
    if (end < 0) return;
    this.last = now;
    this.said += end + 1;
    this.say(rest.slice(0, end + 1));
  }

  end(text, outcome) {
    this.say(`${text.slice(this.said)} ${outcome}`);
    this.said = text.length;
  }

  say(text) {
    if (!text.trim()) return;
    const line = document.createElement('p');
    line.textContent = text;
    this.region.append(line);
    while (this.region.childNodes.length > 20) this.region.firstChild.remove();
  }
}
