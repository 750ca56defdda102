"""The words of a page around its tables, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from digicarbon.report.labels import Language

_WORDS: Mapping[str, tuple[str, str]] = {
    "all_runs": ("All runs", "全部回归"),
    "already": ("fitted before, copied", "此前已估计，直接复制"),
    "any": ("any", "全部"),
    "asked": ("What was asked", "设定"),
    "asked_full": ("The whole configuration", "完整配置"),
    "bytes": ("bytes", "字节"),
    "citation": ("cite", "引用"),
    "clear": ("Clear filters", "清除筛选"),
    "code": ("Code (SHA-256)", "代码（SHA-256）"),
    "coef": ("Coefficient", "系数"),
    "commit": ("Git commit", "Git 提交"),
    "contents": ("Contents", "目录"),
    "contents_of": ("Sections of this page", "本页各节"),
    "curve": ("Specification curve", "设定曲线"),
    "curve_joint": ("Joint test of the whole curve", "整条曲线的联合检验"),
    "data": ("Data and provenance", "数据与来源"),
    "data_digests": ("Panels (SHA-256)", "面板（SHA-256）"),
    "date": ("Fitted", "估计时间"),
    "diagnostics": ("Diagnostics", "诊断检验"),
    "direct": ("Direct", "直接效应"),
    "dirty": ("with uncommitted changes", "含未提交的修改"),
    "excluded": (
        "{n} combinations are left out by the experiment (exclude).",
        "实验设定（exclude）排除了 {n} 个组合。",
    ),
    "experiment": ("Experiment", "实验"),
    "failed": ("failed", "失败"),
    "failures": ("Runs that failed", "失败的回归"),
    "file": ("File", "文件"),
    "files": ("Files", "文件"),
    "files_none": (
        "None: the numbers are drawn from a known process (SIMULATED).",
        "无：数据由已知过程生成（模拟数据）。",
    ),
    "filter": ("Filter", "筛选"),
    "filter_number": ("e.g. <0.05 or 0..1", "如 <0.05 或 0..1"),
    "finished": ("finished", "完成"),
    "fingerprint": ("Fingerprint of the data", "数据指纹"),
    "generated": ("Made by digicarbon {version} from MLflow alone.", "由 digicarbon {version} 仅据 MLflow 记录生成。"),
    "group": ("Group", "组别"),
    "host": ("Host", "主机"),
    "imported": ("imported by", "导入方式"),
    "indirect": ("Indirect", "间接效应"),
    "left": ("Planned, and not fitted yet", "已计划但尚未估计"),
    "links": ("links", "条边"),
    "links_local": (
        "Numbers link to their runs in MLflow at {address}; `digicarbon ui {name}` starts it.",
        "数字链接到 MLflow（{address}）中的相应记录；用 `digicarbon ui {name}` 启动。",
    ),
    "links_server": (
        "Numbers link to their runs in MLflow at {address}.",
        "数字链接到 MLflow（{address}）中的相应记录。",
    ),
    "loglik": ("Log-likelihood", "对数似然"),
    "most_printed": (
        "The first {n} of {total} runs; runs.csv has all of them.",
        "此处打印 {total} 个回归中的前 {n} 个，全部见 runs.csv。",
    ),
    "newer": (
        "A newer sweep of this experiment ({id}) has not ended; this page shows the newest one that has.",
        "该实验有一个更新的批次（{id}）尚未结束；本页显示最近一个已结束的批次。",
    ),
    "no_curve": ("No specification curve:", "没有设定曲线："),
    "no_table": ("The report cannot be made of these runs:", "无法由这些回归生成表格："),
    "nobs": ("Observations", "观测值"),
    "none_fitted": ("No run has a result.", "没有任何回归得到结果。"),
    "noscript": (
        "The table of runs needs JavaScript; runs.csv beside this page has all of it.",
        "回归列表需要 JavaScript；同目录下的 runs.csv 含全部内容。",
    ),
    "not_fitted": ("not fitted", "未估计"),
    "of": ("{shown} of {total} runs", "{total} 个回归中的 {shown} 个"),
    "option": ("Option", "选项"),
    "outcome": ("Outcome", "被解释变量"),
    "p": ("p", "p 值"),
    "packages": ("Versions", "版本"),
    "panel": ("Panel", "面板"),
    "picture": ("Picture", "图"),
    "pictures": ("Pictures", "图"),
    "pictures_more": ("{n} more pictures are beside this page: {names}.", "另有 {n} 幅图见同目录：{names}。"),
    "r2_within": ("Within R²", "组内 R²"),
    "report": ("Report", "报告"),
    "rho": ("ρ", "ρ"),
    "rows": ("rows", "行"),
    "run": ("Run", "回归"),
    "run_done": ("{n} run has a result", "{n} 个回归有结果"),
    "runs_done": ("{n} runs have a result", "{n} 个回归有结果"),
    "runs_failed": ("{n} failed", "{n} 个失败"),
    "runs_lacking": (
        "{n} more are recorded, but their results cannot be read back.",
        "另有 {n} 个已记录，但结果无法读回。",
    ),
    "runs_left": ("{n} are not fitted yet", "{n} 个尚未估计"),
    "search": ("Search", "搜索"),
    "seconds": ("Seconds", "秒"),
    "se": ("Std. error", "标准误"),
    "seeds": ("Seeds", "随机种子"),
    "sentence": ("Reason", "原因"),
    "series": ("taken from it", "取自该文件的变量"),
    "sha": ("SHA-256", "SHA-256"),
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
    "source": ("Source", "来源"),
    "state": ("State", "状态"),
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
    "varied": ("Varied", "变化的设定"),
    "weights": ("Weights", "空间权重"),
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
