// Follows a text that grows, unless its reader has scrolled up.

export class Follower {
  // `frame` scrolls, `content` grows in it.
  constructor(frame, content) {
    this.frame = frame;
    this.follows = true;
    this.top = 0;
    this.height = 0;
    frame.addEventListener('scroll', () => this.scrolled());
    // After the browser has laid out what is new, so nothing has to be measured in between.
    new ResizeObserver(() => {
      if (this.follows) this.toEnd();
    }).observe(content);
  }

  // Upwards is the reader's wish, unless the text became shorter.
  scrolled() {
    const {scrollTop, scrollHeight, clientHeight} = this.frame;
    if (scrollHeight - scrollTop - clientHeight < 40) this.follows = true;
    else if (scrollTop < this.top && scrollHeight >= this.height) this.follows = false;
    this.top = scrollTop;
    this.height = scrollHeight;
  }

  toEnd() {
    this.follows = true;
    this.frame.scrollTop = this.frame.scrollHeight;
  }
}
