"""The words of a page around its tables, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from digicarbon.report.labels import Language

_WORDS: Mapping[str, tuple[str, str]] = {
    "again": ("Run it again", "重新运行"),
    "again_compare": ("Fit it again and compare every number:", "重新估计并逐项比较："),
    "again_file": (
        "As an experiment (experiments/one.yaml, then `digicarbon run one`):",
        "作为实验文件（experiments/one.yaml，再运行 `digicarbon run one`）：",
    ),
    "all_runs": ("All runs", "全部回归"),
    "all_values": ("all", "全选"),
    "any": ("any", "全部"),
    "apart": ("Shown apart", "单独列示"),
    "asked": ("What was asked", "设定"),
    "asked_full": ("The whole configuration", "完整配置"),
    "bytes": ("bytes", "字节"),
    "choices": ("Choices", "设定"),
    "choices_hint": (
        "Untick what you do not accept: curve and shares follow.",
        "取消勾选不接受的设定，曲线与占比随之变化。",
    ),
    "citation": ("cite", "引用"),
    "clear": ("Clear filters", "清除筛选"),
    "code": ("Code (SHA-256)", "代码（SHA-256）"),
    "coef": ("Coefficient", "系数"),
    "commit": ("Git commit", "Git 提交"),
    "contents": ("Contents", "目录"),
    "contents_of": ("Sections of this page", "本页各节"),
    "copied": ("copied", "已复制"),
    "copy": ("Copy", "复制"),
    "count_cannot": ("{n} that cannot run", "{n}个无法运行"),
    "count_copied": ("{n} copied from an earlier sweep", "{n}个复制自此前批次"),
    "count_failed": ("{n} failed", "{n}个失败"),
    "count_fitted": ("{n} fitted", "{n}个已估计"),
    "count_left": ("{n} not fitted yet", "{n}个尚未估计"),
    "count_same": ("{n} with the fit of another column", "{n}个与其他列为同一估计"),
    "count_unread": ("{n} whose results cannot be read back", "{n}个结果无法读回"),
    "curve_joint": ("Joint test of the whole curve", "整条曲线的联合检验"),
    "curve_label": (
        "Curve of all estimates: arrow keys choose a run, with Shift several",
        "全部估计值的曲线：方向键选择回归，按住Shift选择多个",
    ),
    "curve_run": ("estimate {place} of {n}: {estimate}, p = {p}", "第{place}个（共{n}个）：{estimate}，p = {p}"),
    "data": ("Data and provenance", "数据与来源"),
    "date": ("Fitted", "估计时间"),
    "diagnostics": ("Diagnostics", "诊断检验"),
    "direct": ("Direct", "直接效应"),
    "dirty": ("with uncommitted changes", "含未提交的修改"),
    "drawn_from": (
        "The runs are drawn at random from {n} combinations (draw).",
        "各回归从{n}个组合中随机抽取（draw）。",
    ),
    "estimates": ("Estimates", "估计值"),
    "excluded": (
        "{n} more combinations are left out by the experiment (exclude).",
        "实验设定（exclude）另外排除了{n}个组合。",
    ),
    "experiment": ("Experiment", "实验"),
    "explore": ("Explore the runs", "浏览各回归"),
    "explore_hint": (
        "Click on the curve for one run, drag for several, Esc for all. The bar below marks significant estimates.",
        "点击曲线选一个回归，拖动选多个，按Esc恢复全部。下方色条标出显著的估计值。",
    ),
    "failures": ("Runs that failed", "失败的回归"),
    "file": ("File", "文件"),
    "files": ("Files", "文件"),
    "files_none": (
        "None: the numbers are drawn from a known process (SIMULATED).",
        "无：数据由已知过程生成（模拟数据）。",
    ),
    "filter": ("Filter", "筛选"),
    "filter_number": ("e.g. <0.05 or 0..1", "如 <0.05 或 0..1"),
    "fingerprint": ("Fingerprint of the data", "数据指纹"),
    "generated": ("Made by digicarbon {version} from MLflow alone.", "由 digicarbon {version} 仅据 MLflow 记录生成。"),
    "host": ("Host", "主机"),
    "imported": ("imported by", "导入方式"),
    "in_errors": ("{effect} in standard errors, since units differ", "{effect}（以标准误为单位，因各估计值单位不同）"),
    "indirect": ("Indirect", "间接效应"),
    "interval": ("Interval", "置信区间"),
    "left": ("Planned, and not fitted yet", "已计划但尚未估计"),
    "left_out": (
        "Too large for one file, and left out: {names}. `digicarbon report` without --one-file writes them.",
        "因过大而未收入本文件：{names}。`digicarbon report`不加--one-file即可写出。",
    ),
    "links": ("links", "条边"),
    "links_local": (
        "Numbers lead to their runs on this page. `{command}` shows them in MLflow.",
        "数字链接到本页中的相应回归。用`{command}`可在MLflow中查看。",
    ),
    "links_server": (
        "Numbers link to their runs in MLflow at {address}.",
        "数字链接到 MLflow（{address}）中的相应记录。",
    ),
    "loglik": ("Log-likelihood", "对数似然"),
    "median": ("Median", "中位数"),
    "mlflow": ("in MLflow", "在MLflow中查看"),
    "most_printed": (
        "The first {n} of {total} runs; runs.csv has all of them.",
        "此处打印 {total} 个回归中的前 {n} 个，全部见 runs.csv。",
    ),
    "negative": ("Negative", "为负"),
    "newer": (
        "A newer sweep of this experiment ({id}) has not ended; this page shows the newest one that has.",
        "该实验有一个更新的批次（{id}）尚未结束；本页显示最近一个已结束的批次。",
    ),
    "no_curve": ("No specification curve:", "没有设定曲线："),
    "no_runs": ("No run has all of these choices.", "没有回归符合所选设定。"),
    "no_table": ("The report cannot be made of these runs:", "无法由这些回归生成表格："),
    "nobs": ("Observations", "观测值"),
    "none_fitted": ("No run has a result.", "没有任何回归得到结果。"),
    "noscript": (
        "Exploring the runs needs JavaScript; runs.csv beside this page has all of them.",
        "浏览各回归需要JavaScript；同目录下的runs.csv含全部内容。",
    ),
    "noscript_whole": (
        "Exploring the runs needs JavaScript; runs.csv, below, has all of them.",
        "浏览各回归需要JavaScript；下方的runs.csv含全部内容。",
    ),
    "of": ("{shown} of {total} runs", "{total} 个回归中的 {shown} 个"),
    "one_part": (
        "Shares are of one part at a time: choose a value of each choice marked N or U.",
        "比例只针对一组：请对标有N或U的每个选择选定一个取值。",
    ),
    "one_run": ("Run", "回归"),
    "option": ("Option", "选项"),
    "outcome": ("Outcome", "被解释变量"),
    "p": ("p", "p 值"),
    "packages": ("Versions", "版本"),
    "panel": ("Panel", "面板"),
    "part": ("Counted together", "一起计数"),
    "pictures": ("Pictures", "图"),
    "pictures_more": ("{n} more pictures are beside this page: {names}.", "另有 {n} 幅图见同目录：{names}。"),
    "pictures_more_whole": (
        "{n} more pictures are among the files below: {names}.",
        "另有 {n} 幅图见下方文件：{names}。",
    ),
    "planned": ("{n} runs planned", "计划{n}个回归"),
    "planned_one": ("{n} run planned", "计划{n}个回归"),
    "positive": ("Positive", "为正"),
    "r2_within": ("Within R²", "组内 R²"),
    "reason": ("{n} {reason}", "{n}个{reason}"),
    "rho": ("ρ", "ρ"),
    "rows": ("rows", "行"),
    "run": ("Run", "回归"),
    "se": ("Std. error", "标准误"),
    "search": ("Search", "搜索"),
    "seconds": ("Seconds", "秒"),
    "seeds": ("Seeds", "随机种子"),
    "lock": ("Locked plan", "方案锁定"),
    "selected": ("{n} of {total} chosen", "已选{total}个中的{n}个"),
    "sentence": ("Reason", "原因"),
    "series": ("taken from it", "取自该文件的变量"),
    "share_of": (
        "{n} runs: {negative} negative, {significant} significant",
        "{n}个回归：{negative}为负，{significant}显著",
    ),
    "significant": ("significant", "显著"),
    "simulated": (
        "SIMULATED data: these numbers were drawn from a known process. They say nothing about the world.",
        "模拟数据：这些数字由已知过程生成，不反映任何现实。",
    ),
    "simulated_some": (
        "SIMULATED data: some of the experiments on this page are made of numbers drawn from a known process.",
        "模拟数据：本页部分实验所用数字由已知过程生成。",
    ),
    "skip": ("Skip to the tables", "跳到表格"),
    "skipped": ("Choices that cannot run", "无法运行的选项"),
    "sort": ("Sort by", "排序："),
    "state": ("State", "状态"),
    "state_cannot": ("cannot run", "无法运行"),
    "state_copied": ("copied", "复制"),
    "state_failed": ("failed", "失败"),
    "state_fitted": ("fitted", "已估计"),
    "state_left": ("not fitted", "未估计"),
    "state_same": ("same fit", "同一估计"),
    "state_unread": ("unreadable", "无法读回"),
    "store": ("Recorded in", "记录于"),
    "sweep": ("Sweep", "批次"),
    "table": ("Table", "表"),
    "term": ("Term", "变量"),
    "total": ("Total", "总效应"),
    "unfinished": (
        "This sweep has not ended ({status}): what follows is what is recorded of it until now.",
        "该批次尚未结束（{status}）：以下为目前已记录的内容。",
    ),
    "units": ("units", "个单位"),
    "weights": ("Weights", "空间权重"),
    "without_estimate": (
        "{estimates} estimates; {n} fits have none ({why})",
        "{estimates}个估计值；{n}个回归没有（{why}）",
    ),
}


@dataclass(frozen=True)
class Words:
    """Returns the words of a page in its language.

    Attributes
    ----------
    language : {"en", "zh"}
    """

    language: Language = "en"

    def __call__(self, key: str, **values: object) -> str:
        """Return the words of a key, with values filled in."""
        return _WORDS[key][self.language == "zh"].format(**values)

    def listed(self, *keys: str) -> dict[str, str]:
        """Return the words of several keys without values, for the page's script."""
        return {key: _WORDS[key][self.language == "zh"] for key in keys}
