"""The panels of all dashboards: each has a title, a unit, a legend and a description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grafana_foundation_sdk.builders import cloudwatch, common, dashboard, prometheus, table, timeseries
from grafana_foundation_sdk.models import cloudwatch as cloudwatch_models
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableRefresh, VariableSort
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

# The names in monitoring/grafana/datasources.yml.
PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
CLOUDWATCH = DataSourceRef(type_val="cloudwatch", uid="cloudwatch")

# Units as Grafana names them.
CORES, BYTES, RATIO, BYTES_A_SECOND, COUNT, SECONDS = "cores", "bytes", "percentunit", "Bps", "short", "s"
HALF, WHOLE, HEIGHT = 12, 24, 8


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression, and the legend of its series."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One CloudWatch metric, by the minute."""

    name: str
    label: str
    dimensions: Mapping[str, str]
    namespace: str = "Steady"
    statistic: str = "Sum"


def graph(title: str, unit: str, about: str, *queries: Query, span: int = HALF) -> timeseries.Panel:
    """Make a graph of Prometheus' series over time."""
    panel = _graph(title, unit, about, span).datasource(PROMETHEUS)
    for number, query in enumerate(queries):
        panel.with_target(
            prometheus.Dataquery().expr(query.expr).legend_format(query.legend).range().ref_id(_ref(number))
        )
    return panel


def cloudwatch_graph(title: str, unit: str, about: str, *metrics: Metric, span: int = HALF) -> timeseries.Panel:
    """Make a graph of CloudWatch's metrics over time."""
    panel = _graph(title, unit, about, span).datasource(CLOUDWATCH)
    for number, metric in enumerate(metrics):
        panel.with_target(
            cloudwatch.CloudWatchMetricsQuery()
            .query_mode(cloudwatch_models.CloudWatchQueryMode.METRICS)
            .metric_query_type(cloudwatch_models.MetricQueryType.SEARCH)
            .metric_editor_mode(cloudwatch_models.MetricEditorMode.BUILDER)
            .region("default")
            .namespace(metric.namespace)
            .metric_name(metric.name)
            .dimensions({name: [value] for name, value in metric.dimensions.items()})
            .match_exact(True)
            .statistic(metric.statistic)
            .period("60")
            .label(metric.label)
            .id("")
            .ref_id(_ref(number))
        )
    return panel


def instances(about: str, span: int = HALF) -> timeseries.Panel:
    """Make a graph of the number of container instances of the cluster that are scraped."""
    return graph(
        "Instances", COUNT, about, Query('cluster:instances:count{cluster="$cluster"}', "{{lifecycle}}"), span=span
    )


def listing(title: str, unit: str, about: str, query: Query) -> table.Panel:
    """Make a table of the newest value of each series."""
    return (
        table.Panel()
        .title(title)
        .description(about)
        .unit(unit)
        .datasource(PROMETHEUS)
        .span(WHOLE)
        .height(HEIGHT)
        .with_target(
            prometheus.Dataquery()
            .expr(query.expr)
            .legend_format(query.legend)
            .instant()
            .format(PromQueryFormat.TABLE)
            .ref_id("A")
        )
    )


def page(
    uid: str, title: str, about: str, *variables: dashboard.QueryVariable | dashboard.TextBoxVariable
) -> dashboard.Dashboard:
    """Make a dashboard of the last six hours, without panels."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags(["ecs-steady"])
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
        .readonly()
    )
    for variable in variables:
        made.with_variable(variable)
    return made


def choice(name: str, label: str, of: str, everything: bool = False) -> dashboard.QueryVariable:
    """Make a choice among a label's values in the series `of`, such as `family:tasks:count{cluster="$cluster"}`."""
    made = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(PROMETHEUS)
        .query(f"label_values({of}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )
    return made.include_all(True).all_value(".*") if everything else made


def cluster_choice() -> dashboard.QueryVariable:
    return choice("cluster", "Cluster", "cluster:instances:count")


def family_choice(everything: bool = False) -> dashboard.QueryVariable:
    return choice("family", "Family", 'family:tasks:count{cluster="$cluster"}', everything)


def _graph(title: str, unit: str, about: str, span: int) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
    )
    return (
        timeseries.Panel()
        .title(title)
        .description(about)
        .unit("short" if unit == CORES else unit)
        .axis_label("cores" if unit == CORES else "")
        .min(0)
        .span(span)
        .height(HEIGHT)
        .legend(legend)
    )


def _ref(number: int) -> str:
    return chr(ord("A") + number)
