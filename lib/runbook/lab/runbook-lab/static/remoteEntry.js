// For JupyterLab: SQL colours in the cells %%sql, %%check, %%backfill and %%concurrently, no line of code out of sight,
// no colour of code too faint to read, dark charts in a dark theme, the text of every image, which JupyterLab leaves
// out, and the cell that failed.
//
// JupyterLab loads extensions as webpack's module federation makes them: a container with `init` and `get`. This one is
// written by hand, so that nothing has to be built: it takes what it needs from JupyterLab's own shared modules.
(() => {
  const NAME = 'runbook-lab';
  const LANGUAGE = 'runbook-sql';
  const MIME = 'text/x-runbook-sql';
  const PYTHON = 'text/x-ipython';
  const MAGIC = /^\s*%%(sql|check|finding|backfill|concurrently)\b/;
  const KEYWORDS = new Set(
    `add after all alter analyze and any array as asc begin between both by call cascade case cast check column comment
    commit concurrently conflict constraint create cross current_user database declare default definer delete desc
    distinct do domain drop each else elsif end except execute exists explain extension false fetch filter first for
    force foreign format from full function generated grant group having if ilike in index inner insert intersect into
    invoker is join key language last lateral left like limit lock loop materialized natural no not nothing null nulls of
    offset on only or order outer over partition perform policy primary privileges procedure raise references reindex
    release rename replace reset restrict return returning returns revoke right role rollback row rows savepoint schema
    security select sequence session set share similar start table temp temporary then to transaction trigger true
    truncate type union unique update using vacuum values view volatile when where while window with without
    immutable stable parallel safe strict ordinality enable disable level owner exception`.split(/\s+/)
  );
  const FUNCTIONS = new Set(['format', 'replace', 'left', 'right']); // keywords too, but not before a parenthesis
  const TYPES = new Set(
    `bigint bigserial bool boolean bytea char character date decimal double float inet int integer interval json jsonb
    name numeric oid real record regclass regnamespace regproc regprocedure regrole serial smallint text tid time
    timestamp timestamptz uuid varchar varying void xml`.split(/\s+/)
  );

  // What stands at the stream's position, by CodeMirror's names; `state.closing` ends what runs over several lines.
  function token(stream, state) {
    if (state.head) {
      if (MAGIC.test(stream.string)) {
        stream.skipToEnd();
        state.head = false;
        return 'meta';
      }
      state.head = false;
    }
    if (state.closing) {
      const kind = state.closing === '*/' ? 'comment' : 'string';
      if (stream.skipTo(state.closing)) {
        stream.match(state.closing);
        state.closing = '';
      } else {
        stream.skipToEnd();
      }
      return kind;
    }
    if (stream.eatSpace()) return null;
    if (stream.match('--')) {
      stream.skipToEnd();
      return 'comment';
    }
    if (stream.match('/*')) {
      state.closing = '*/';
      return 'comment';
    }
    if (stream.match("'")) {
      state.closing = "'";
      return 'string';
    }
    if (stream.match(/^"[^"]*"/) || stream.match(/^\.\w+/)) return 'variableName';
    if (stream.match(/^\$\w*\$/)) return 'meta'; // around a function's body, which is SQL again
    if (stream.match(/^\d[\d_]*(\.\d+)?([eE][-+]?\d+)?/)) return 'number';
    if (stream.match(/^\\\S+/)) return 'meta'; // a command of psql's
    const word = stream.match(/^[A-Za-z_]\w*/);
    if (word) {
      const bare = word[0].toLowerCase();
      if (FUNCTIONS.has(bare) && stream.match(/^\(/, false)) return 'variableName';
      return KEYWORDS.has(bare) ? 'keyword' : TYPES.has(bare) ? 'typeName' : 'variableName';
    }
    return stream.match(/^[-+*/<>=~!@#%^&|?:]+/) ? 'operator' : (stream.next(), null);
  }

  // Whether a cell's code stands in columns, which wrapped lines would tear apart: such a one is scrolled.
  function isTable(source) {
    return source.split('\n').filter(line => /\S {3,}\S/.test(line) && line.length > 80).length > 5;
  }

  // Keeps a cell's language that of what it holds.
  function follow(cell) {
    if (cell.type !== 'code') return;
    const look = () => {
      const isSql = MAGIC.test(cell.sharedModel.getSource());
      if (isSql !== (cell.mimeType === MIME)) cell.mimeType = isSql ? MIME : PYTHON;
    };
    cell.contentChanged.connect(look);
    cell.mimeTypeChanged.connect((_, change) => (change.newValue === MIME || change.newValue === PYTHON) && look());
    look();
  }

  // JupyterLab's colours that are too faint on the ground of a cell, by whether the theme is light: WCAG asks for 4.5.
  const COLOURS = {
    true: { comment: '#2f6f6f', meta: '#8f00e0', operator: '#8f00e0', bracket: '#5c5c3d', number: '#006b00' },
    false: { comment: '#6fb3b3', meta: '#cc88ff', operator: '#cc88ff' }
  };
  function paint() {
    const set = colours => Object.entries(colours).map(([of, is]) => `--jp-mirror-editor-${of}-color: ${is};`).join(' ');
    const rules = Object.entries(COLOURS).map(
      ([light, colours]) => `body[data-jp-theme-light="${light}"] .jp-CodeCell { ${set(colours)} }`
    );
    // A chart is drawn on white. In a dark theme light becomes dark, white the theme's own ground; hues stay.
    rules.push('body[data-jp-theme-light="false"] .jp-RenderedImage img { filter: invert(0.933) hue-rotate(180deg); }');
    rules.push('.jp-RenderedText pre { word-break: normal; overflow-wrap: anywhere; }'); // no word is cut that fits
    document.head.append(Object.assign(document.createElement('style'), { textContent: rules.join('\n') }));
  }

  // JupyterLab's own renderer of images, with the text the notebook gives.
  function describe(rendermime) {
    class Described extends shared.rendermime.RenderedImage {
      async renderModel(model) {
        await super.renderModel(model);
        const about = model.metadata['image/png'];
        const image = this.node.querySelector('img');
        if (image && about && about.alt) image.alt = about.alt;
      }
    }
    const createRenderer = options => new Described(options);
    rendermime.addFactory({ safe: true, mimeTypes: ['image/png'], defaultRank: 50, createRenderer });
  }

  // Where a run of many cells fails, show the cell: JupyterLab stands at the last one, as if nothing had happened.
  function showFailures() {
    let last = null; // the failed cell whose notebook waits to show it
    shared.actions.executed.connect((_, { notebook, cell, success }) => {
      if (success || last || cell.model.executionCount === null) return; // the others were not carried out
      last = cell;
      setTimeout(() => {
        const place = notebook.widgets.indexOf(cell);
        if (place >= 0 && notebook.activeCellIndex > place + 1) {
          notebook.activeCellIndex = place;
          notebook.scrollToCell(cell, 'center');
        }
        last = null;
      }, 500); // JupyterLab goes to the last cell when it has heard of all
    });
  }

  function activate(_, tracker, languages, rendermime) {
    describe(rendermime);
    paint();
    showFailures();
    const { LanguageSupport, StreamLanguage } = shared.language;
    const language = StreamLanguage.define({
      name: LANGUAGE,
      startState: () => ({ head: true, closing: '' }),
      copyState: state => ({ ...state }),
      token,
      languageData: { commentTokens: { line: '--', block: { open: '/*', close: '*/' } } }
    });
    languages.addLanguage({ name: LANGUAGE, mime: MIME, support: new LanguageSupport(language) });
    // Python's own language first: still loading, it would come after ours and replace it.
    const python = languages.getLanguage(PYTHON);
    const open = panel =>
      Promise.all([panel.context.ready, python]).then(() => {
        const config = panel.content.editorConfig;
        panel.content.editorConfig = { ...config, code: { ...config.code, lineWrap: true } };
        for (const cell of panel.content.widgets)
          if (cell.model.type === 'code' && isTable(cell.model.sharedModel.getSource()))
            cell.updateEditorConfig({ ...config.code, lineWrap: false });
        const cells = panel.content.model.cells;
        Array.from(cells).forEach(follow);
        cells.changed.connect((_, change) => change.newValues.forEach(cell => cell && follow(cell)));
      });
    tracker.forEach(open);
    tracker.widgetAdded.connect((_, panel) => open(panel));
  }

  const shared = {};
  let scope = {};
  const take = async name => (await Object.values(scope[name])[0].get())();

  async function plugin() {
    shared.language = await take('@codemirror/language');
    shared.rendermime = await take('@jupyterlab/rendermime');
    const { INotebookTracker, NotebookActions } = await take('@jupyterlab/notebook');
    shared.actions = NotebookActions;
    const { IEditorLanguageRegistry } = await take('@jupyterlab/codemirror');
    const requires = [INotebookTracker, IEditorLanguageRegistry, shared.rendermime.IRenderMimeRegistry];
    return { id: `${NAME}:plugin`, autoStart: true, requires, activate };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: given => {
      scope = given;
    },
    get: async () => {
      const found = { __esModule: true, default: await plugin() };
      return () => found;
    }
  };
})();
