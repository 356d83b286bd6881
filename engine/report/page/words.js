// The data, and how its numbers are named and written.

const page = JSON.parse(byId("data").textContent);
const runs = page.runs;
const gallery = page.gallery;

const KINDS = ["right", "missed", "invented", "misplaced", "mislabelled", "duplicate", "ignored"];
const SIZES = ["small", "medium", "large"];
const EXPRESSION = "(expression)";
const NOT_LISTED = "(not in the list)";
const NO_LABEL = "(no label)";

const SIGNS = {
  right: "✓",
  missed: "○",
  invented: "+",
  misplaced: "↔",
  mislabelled: "≠",
  duplicate: "×2",
  ignored: "–",
  unparsed: "?",
  perfect: "★",
};

const TERMS = {
  f1_50: [
    "F1 at IoU 0.5",
    "Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN). A box is right where its class is right and its IoU with a target is 0.5 or more; each target is matched once. All boxes of all images together.",
  ],
  precision_50: [
    "Precision at IoU 0.5",
    "Of the boxes that were predicted, the share that is right. Boxes of invented classes count as wrong.",
  ],
  recall_50: [
    "Recall at IoU 0.5",
    "Of the targets, the share that was found. An answer that cannot be parsed finds nothing.",
  ],
  f1_75: ["F1 at IoU 0.75", "F1 where a box must reach IoU 0.75."],
  f1_mean: [
    "F1, mean of 0.5–0.95",
    "Mean of F1 at the ten IoU thresholds 0.50, 0.55, … 0.95: rewards boxes that fit tightly.",
  ],
  macro_f1_50: [
    "Macro F1 at IoU 0.5",
    "Mean of the F1 of each class that has targets, so that rare classes count as much as frequent ones.",
  ],
  mean_iou: [
    "Mean IoU of matches",
    "Mean overlap of the boxes that are right at IoU 0.5 with their targets. It says how tight boxes are, not how many are found.",
  ],
  AP: [
    "AP",
    `COCO's average precision, mean over IoU 0.50–0.95 and classes. Its score mode here is “${page.score_mode}”: ${
      {
        constant: "every box has score 1, as in the numbers that Qwen and lmms-eval publish",
        order: "boxes rank by their place in the answer",
        logprob: "boxes rank by the probability of their coordinates' tokens",
        given: "boxes rank by the detector's own scores",
      }[page.score_mode]
    }. AP of two modes cannot be compared.`,
  ],
  AP50: ["AP at IoU 0.5", "COCO's average precision at IoU 0.5 alone, in the same score mode."],
  acc_50: [
    "Acc@0.5",
    "Of the expressions with something to find, the share whose answer's first box has IoU 0.5 or more with the target. Failed answers count as 0.",
  ],
  grounding_iou: [
    "Mean IoU, first box",
    "Mean IoU of the first box of each answer with the target; an answer without a box counts 0.",
  ],
  exact_50: [
    "Exact answers",
    "Expressions where every target is matched at IoU 0.5 and no box is left over.",
  ],
  rejection: [
    "Rejection accuracy",
    "Of the expressions for which there is nothing in the image, the share where a sound answer said so.",
  ],
  interval: [
    "95 % interval",
    `Where the number would lie in 95 % of repetitions with other images like these: bootstrap over images, ${page.replicates} resamplings, seed ${page.seed}.`,
  ],
  difference: [
    "Paired difference",
    "Change on the same images; its interval resamples the images for both runs at once. ▲ or ▼ marks a difference whose 95 % interval leaves out 0; ≈ one that may be chance.",
  ],
  ceiling: [
    "Ceiling of the format",
    "What the format's rounding of coordinates alone allows: the true boxes, written in the format and read back, scored against themselves. No model can be better than this.",
  ],
  gap: [
    "Published − honest",
    "How differently the same answers score when counted as published numbers are: boxes with labels outside the list are dropped instead of wrong, labels are compared without case, and an answer that is not whole counts as “no boxes”.",
  ],
  fixed: [
    "F1 if fixed",
    "F1 at IoU 0.5 if mistakes of this kind alone were gone: wrong boxes removed or set right, missed targets found.",
  ],
  targets: ["Targets", "True boxes; crowds are left out."],
  predictions: ["Boxes", "Predicted boxes."],
  missed: ["missed", "A target that no box accounts for."],
  invented: [
    "invented",
    "A box where nothing of its class is (IoU below 0.1), or of a class that is not asked for.",
  ],
  misplaced: ["misplaced", "Right class, near a target (IoU 0.1 to 0.5), but not on it."],
  mislabelled: ["mislabelled", "On a target (IoU 0.5 or more) of another class."],
  duplicate: ["duplicate", "A second box on a target that is already matched."],
  right: ["right", "Right class and IoU 0.5 or more with a target of its own."],
  ignored: ["ignored", "Crowds, and boxes inside one: they count neither way."],
  unparsed: [
    "faulty answer",
    "The answer has an issue (it stops early, or cannot be parsed), or nobody could answer.",
  ],
  perfect: [
    "no mistake",
    "Records without any mistake: everything found, nothing else said, and the answer sound.",
  ],
};

const MINUS = "−";

function fixed(value, digits = 3) {
  return value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", MINUS);
}

function signed(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  return (value > 0 ? "+" : "") + fixed(value, digits);
}

function count(value) {
  return value === null || value === undefined ? "–" : value.toLocaleString("en-US");
}

function percent(share) {
  if (share === null || share === undefined) return "";
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** A number of a run by its path, such as operating_point.f1_50. */
function valueOf(run, path) {
  const [part, name] = path.split(".");
  return run[part]?.[name] ?? null;
}

function kindMark(kind) {
  return make("span", { class: `kind ${kind}`, "aria-hidden": "true" }, SIGNS[kind]);
}

// What a person looks at. Parts of the page that show one run tell `watch` how to follow it.
const view = { run: runs.length - 1 };
const watchers = [];

function watch(render) {
  watchers.push(render);
  render();
}

function lookAt(run) {
  view.run = run;
  byId("run").value = String(run);
  for (const render of watchers) render();
}
