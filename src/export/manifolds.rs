//! Groups of features as a document: the table of groups, and the coordinates of one.

use super::objects::{self, Fields};
use super::{Array, Data};
use crate::analysis::lens::{LensKind, SHARE};
use crate::analysis::manifolds::{Manifold, ManifoldParams, Order};
use crate::analysis::portrait::Along;
use crate::analysis::{Portrait, Study};
use crate::geometry::cloud::json;
use serde_json::{Map, Value, json};

/// One row a group, in this order; files that can nest keep the measures' own structure.
pub fn table<'a>(rows: impl Iterator<Item = &'a Manifold>, nests: bool) -> Vec<Array> {
    let fields: Vec<Fields> = rows.enumerate().map(|(at, row)| fields(at + 1, row)).collect();
    objects::arrays(&fields, nests)
}

/// How groups were measured, as provenance has it.
pub fn table_parameters(params: &ManifoldParams) -> Map<String, Value> {
    let shape = &params.shape;
    let all = json!({
        "verb": "manifolds", "most_tokens": params.most_tokens, "all": params.all, "landmarks": shape.landmarks,
        "draws": shape.draws, "share": SHARE, "planes": shape.planes, "sources": shape.sources, "most_points": shape.most,
    });
    all.as_object().cloned().unwrap_or_default()
}

/// One row of the table: everything that was measured of a group.
pub fn fields(rank: usize, row: &Manifold) -> Fields {
    let mut all = Fields::new();
    let mut put = |name: &str, value: Value| all.push((name.to_string(), value));
    put("rank", rank.into());
    put("cluster", json!(row.found.cluster));
    put("grouping", json!(row.found.grouping));
    put("features", json!(row.found.features));
    put("size", row.found.features.len().into());
    let Manifold { measured, .. } = row;
    put("tokens", measured.tokens.into());
    put("tokens_measured", measured.measured.into());
    put("name", json!(measured.name));
    put("types", json!(measured.family.map(|family| family.types)));
    put("label", json!(row.label));
    put("score", json!(row.score));
    put("evidence", json!(measured.evidence()));
    put("stability", json!(row.found.stability));
    let speaking = measured.speaking();
    let verdict = speaking.and_then(|(lens, _)| lens.shape.verdict.as_ref());
    put("verdict", json!(verdict.map(|verdict| verdict.word)));
    put("verdict_of", json!(speaking.map(|(_, kind)| kind.name())));
    put("verdict_evidence", json!(verdict.map(|verdict| &verdict.evidence)));
    put("family", json!(measured.family));
    put("packing", json!(measured.packing));
    for (name, order) in [("ring_order", &measured.ring), ("row_order", &measured.row)] {
        let value = order.as_ref().map(|Order { found, types }| {
            json!({
                "types": types, "fit": found.fit, "gaussian_95": found.gaussian_95, "dealt_95": found.dealt_95,
                "p": found.p, "draws": found.draws,
            })
        });
        put(name, json!(value));
    }
    // The verdict of the cloud as it is stands above where it is the one.
    for kind in LensKind::ALL {
        let lens = measured.lens(kind);
        let mut put = |name: &str, value: Value| all.push((format!("{name}{}", kind.suffix()), value));
        put("together", json!(lens.map(|lens| lens.together)));
        put("fired_apart", json!(lens.and_then(|lens| lens.apart)));
        let above = |name: &str| kind == LensKind::Raw && name.starts_with("verdict");
        for (name, value) in lens.iter().flat_map(|lens| json(&lens.shape)).filter(|(name, _)| !above(name)) {
            put(&name, value);
        }
    }
    all
}

/// One row a token: where it is, and where along the manifold; and beside the rows the basis.
pub fn coordinates(study: &Study, portrait: &Portrait) -> (Vec<Array>, Vec<Array>) {
    let Portrait { spectrum, s, along, .. } = portrait;
    let tokens: Vec<u32> = (0..portrait.kept.len() as u32).map(|point| portrait.token(point)).collect();
    let place = |row: u32| study.tokens().map(|tokens| tokens.place(row as usize));
    let text = |row: u32| study.tokens().map(|tokens| tokens.token(row as usize).to_string());
    let rank = spectrum.coordinates.dims();
    let numbers = |pick: fn((u32, u32)) -> u32| {
        let all = tokens.iter().map(|&row| place(row).map_or(-1, |place| i64::from(pick(place))));
        Data::I64(all.collect())
    };
    let pcs: Vec<String> = (1..=rank).map(|pc| format!("pc{pc}")).collect();
    let names: Vec<&str> = pcs.iter().map(String::as_str).collect();
    let arrays = vec![
        Array::column("token", Data::I64(tokens.iter().map(|&row| row.into()).collect())),
        Array::column("text", Data::Text(tokens.iter().map(|&row| text(row)).collect())),
        Array::column("document", numbers(|place| place.0)),
        Array::column("position", numbers(|place| place.1)),
        Array::matrix("coordinates", rank, Data::F64(spectrum.coordinates.data().to_vec())).named(&names),
        Array::column("strong", Data::I32(portrait.strong.iter().map(|&strong| i32::from(strong)).collect())),
        Array::column("s", Data::F64(s.iter().map(|s| s.unwrap_or(f64::NAN)).collect())),
    ];
    // A point's pcs times the basis, and the mean, give the reconstruction in the model's space.
    let wide = |row: &[f32]| portrait.in_model(&row.iter().map(|&x| x.into()).collect::<Vec<f64>>());
    let width = portrait.group.basis.dims();
    let basis: Vec<f64> = (0..rank).flat_map(|pc| wide(spectrum.components.row(pc))).collect();
    let mut extras =
        vec![Array::matrix("basis", width, Data::F64(basis)), Array::column("mean", Data::F64(wide(&spectrum.mean)))];
    if let Some((ring, _)) = portrait.ring.as_ref().filter(|_| *along == Along::Types) {
        let axes = [0, 1].iter().flat_map(|&axis| portrait.in_model(ring.axes.row(axis))).collect();
        extras.push(Array::matrix("ring_axes", width, Data::F64(axes)));
        extras.push(Array::column("ring_centre", Data::F64(portrait.in_model(&ring.centre))));
    }
    (arrays, extras)
}

/// What belongs to the coordinates of one group, as provenance has it.
pub fn coordinates_parameters(portrait: &Portrait, params: &ManifoldParams) -> Map<String, Value> {
    let row = &portrait.row;
    let all = json!({
        "verb": "manifold", "features": row.found.features, "grouping": row.found.grouping,
        "lens": portrait.kind.name(), "unit": portrait.kind.is_unit(), "s": portrait.along.name(), "most_tokens": params.most_tokens,
        "capture": portrait.capture, "stability_grid": portrait.grid, "metrics": fields(1, row).into_iter().collect::<Map<_, _>>(),
    });
    all.as_object().cloned().unwrap_or_default()
}
