// The types of a dashboard, as strict as @grafana/schema allows.
//
// The package types the options of a panel as any record. So the panels here are a union by `type`, each with the options
// and the field configuration of its kind. The package has no types of queries and links; they are written here.

import type * as grafana from "@grafana/schema";
import type * as barGauge from "@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as stateTimeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeSeries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** A type as JSON has it: the members of string enums are plain strings there. */
type Json<T> = T extends string
  ? `${T}`
  : T extends readonly (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;

/** A link of a field. */
type Link = { targetBlank: boolean; title: string; url: string };

/** A query to Prometheus. */
type Query = {
  datasource: { type: "prometheus"; uid: "${datasource}" };
  editorMode: "code";
  expr: string;
  format: "heatmap" | "table" | "time_series";
  instant: boolean;
  legendFormat?: string;
  range: boolean;
  refId: string;
};

/** The transformations that the dashboards use. */
type Transformation =
  | { id: "merge"; options: Record<string, never> }
  | {
      id: "organize";
      options: {
        excludeByName: Record<string, true>;
        indexByName: Record<string, number>;
        renameByName: Record<string, string>;
      };
    };

type FieldConfig = Json<grafana.FieldConfig>;

/** The properties that overrides set. The package types their values as unknown. */
type Override = {
  matcher: { id: "byName" | "byFrameRefID"; options: string };
  properties: (
    | { id: "color"; value: NonNullable<FieldConfig["color"]> }
    | { id: "custom.cellOptions"; value: Json<grafana.TableCellOptions> }
    | { id: "custom.fillOpacity" | "custom.minWidth"; value: number }
    // Versions before 12.2 know `custom.hidden`, later ones `custom.hideFrom`.
    | { id: "custom.hidden"; value: true }
    | { id: "custom.hideFrom"; value: Json<grafana.HideSeriesConfig> }
    | { id: "custom.lineStyle"; value: Json<grafana.LineStyle> }
    | { id: "links"; value: Link[] }
    | { id: "mappings"; value: NonNullable<FieldConfig["mappings"]> }
    | { id: "noValue" | "unit"; value: string }
    | { id: "thresholds"; value: NonNullable<FieldConfig["thresholds"]> }
  )[];
};

/** A panel of one kind. `Custom` are its settings per field. */
type PanelOf<Type extends string, Options, Custom> = Omit<
  Json<grafana.Panel>,
  "datasource" | "fieldConfig" | "options" | "targets" | "transformations" | "type"
> & {
  datasource: Query["datasource"];
  fieldConfig: {
    defaults: Omit<FieldConfig, "custom" | "links"> & { custom?: Json<Custom>; links?: Link[] };
    overrides: Override[];
  };
  options: Json<Options>;
  targets: Query[];
  transformations?: Transformation[];
  type: Type;
};

type Panel =
  | PanelOf<"bargauge", barGauge.Options, never>
  | PanelOf<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | PanelOf<"stat", stat.Options, never>
  | PanelOf<"state-timeline", stateTimeline.Options, stateTimeline.FieldConfig>
  | PanelOf<"table", table.Options, table.FieldConfig>
  | PanelOf<"timeseries", timeSeries.Options, timeSeries.FieldConfig>
  | (Omit<Json<grafana.RowPanel>, "panels"> & { panels: [] });

export type Dashboard = Omit<Json<grafana.Dashboard>, "panels"> & { panels: Panel[] };
