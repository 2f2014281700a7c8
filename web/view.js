// The conversation on screen. Text from the model only ever becomes text nodes.

export class MessageView {
  constructor(list, role, text) {
    this.list = list;
    this.element = document.createElement('article');
    this.element.className = `message ${role}`;
    this.element.setAttribute('aria-label', role === 'user' ? 'You' : 'Model');
    this.body = document.createElement('div');
    this.body.className = 'text';
    this.body.dir = 'auto';
    this.node = document.createTextNode(text);
    this.body.append(this.node);
    this.element.append(this.body);
    this.waiting = '';
    this.frame = 0;
    list.append(this.element);
    scrollToEnd(list);
  }

  // Thousands of pieces a second arrive as one DOM change per frame.
  append(text) {
    this.waiting += text;
    this.frame ||= requestAnimationFrame(() => this.flush());
  }

  flush() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.waiting) return;
    const follow = atEnd(this.list);
    this.node.appendData(this.waiting);
    this.waiting = '';
    if (follow) scrollToEnd(this.list);
  }

  setPending(pending) {
    this.element.classList.toggle('pending', pending);
  }

  setFacts(text) {
    const facts = document.createElement('p');
    facts.className = 'facts';
    facts.textContent = text;
    const follow = atEnd(this.list);
    this.element.append(facts);
    if (follow) scrollToEnd(this.list);
  }

  remove() {
    cancelAnimationFrame(this.frame);
    this.element.remove();
  }
}

// A reader who has scrolled up is left where they are.
function atEnd(list) {
  return list.scrollHeight - list.scrollTop - list.clientHeight < 40;
}

function scrollToEnd(list) {
  list.scrollTop = list.scrollHeight;
}
