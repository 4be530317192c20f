//! The OpenAPI document: what the routes say of themselves, and what is the same for many of them.

use std::collections::BTreeMap;

use etiage_store::Format;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::schema::{KnownFormat, OneOfBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content, ContentBuilder, Header, Object, ObjectBuilder, OpenApi as Document, Ref, RefOr,
    Response, ResponseBuilder, Schema,
};
use utoipa::{Modify, OpenApi};

use crate::routes::explain::Statements;

/// The head of the document; its paths come from the routes themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Etiage",
        description = "Traffic analytics for ISP links. Timestamps are RFC 3339 in UTC; octets are \
            whole frames on the wire without FCS; rates are bit/s. Errors are problem details \
            (RFC 9457), and tell everything that is wrong with a request at once. Where a token is \
            configured, every path but this document needs `Authorization: Bearer TOKEN`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "now", description = "What flows at this moment, and how the probe is doing"),
        (name = "history", description = "What has been stored"),
        (name = "events", description = "Drops and surges: what fell, what it is made of, what rose"),
        (name = "planning", description = "What a month cost, and what comes"),
        (name = "configuration", description = "What is configured"),
    ),
    components(schemas(Statements)),
    modifiers(&BearerToken),
)]
pub(crate) struct Head;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut Document) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some("The configured token, where there is one".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        // Either the token, or nothing where none is configured.
        let token = SecurityRequirement::new("token", Vec::<String>::new());
        document.security = Some(vec![token, SecurityRequirement::default()]);
    }
}

/// Adds what every path answers that asks for the token, where one is configured.
pub(crate) fn with_unauthorized(document: Document) -> Document {
    let answer = problem("A token is configured, and the request does not carry it").build();
    with_answer(document, "401", &answer)
}

/// Adds what every path answers that asks the database, when that is too much.
pub(crate) fn with_busy(document: Document) -> Document {
    let seconds = Header::new(Object::with_type(Type::Integer));
    let answer = problem("The store does not answer, or too much is asked of it")
        .header("Retry-After", seconds)
        .build();
    with_answer(document, "503", &answer)
}

/// Adds the other forms of an answer: files where `format` can be given, statements where `explain` can.
pub(crate) fn with_forms(mut document: Document) -> Document {
    for operation in operations(&mut document) {
        let (files, statements) = (takes(operation, "format"), takes(operation, "explain"));
        let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") else { continue };
        let json = answer.content.get_mut("application/json");
        if let (true, Some(RefOr::T(json))) = (statements, json) {
            json.schema = json.schema.take().map(|schema| {
                let other = Ref::from_schema_name("Statements");
                RefOr::T(OneOfBuilder::new().item(schema).item(other).into())
            });
        }
        if files {
            for (media, content) in Format::ALL.into_iter().map(file) {
                answer.content.insert(media, content.into());
            }
        }
    }
    document
}

/// What can be `null` is always there in an answer; what can be left out is never `null`. Bodies of requests may do
/// either.
pub(crate) fn with_required(mut document: Document) -> Document {
    let asked: Vec<String> = operations(&mut document).flat_map(|own| bodies(own)).collect();
    let Some(components) = document.components.as_mut() else { return document };
    for (name, schema) in &mut components.schemas {
        if let (RefOr::T(schema), false) = (schema, asked.contains(name)) {
            require(schema);
        }
    }
    document
}

/// The names of what an operation takes.
fn bodies(operation: &Operation) -> Vec<String> {
    let Some(RefOr::T(body)) = &operation.request_body else { return Vec::new() };
    let name = |content: &RefOr<Content>| match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(to)), .. }) => {
            to.ref_location.rsplit('/').next().map(str::to_owned)
        }
        _ => None,
    };
    body.content.values().filter_map(name).collect()
}

fn require(schema: &mut Schema) {
    let items = match schema {
        Schema::Object(object) => {
            for (name, property) in &object.properties {
                if is_nullable(property) && !object.required.contains(name) {
                    object.required.push(name.clone());
                }
            }
            return;
        }
        Schema::OneOf(either) => &mut either.items,
        Schema::AllOf(whole) => &mut whole.items,
        _ => return,
    };
    for item in items {
        if let RefOr::T(item) = item {
            require(item);
        }
    }
}

fn is_nullable(schema: &RefOr<Schema>) -> bool {
    let null = |own: &SchemaType| match own {
        SchemaType::Type(own) => *own == Type::Null,
        SchemaType::Array(all) => all.contains(&Type::Null),
        SchemaType::AnyValue => false,
    };
    match schema {
        RefOr::T(Schema::Object(object)) => null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => null(&array.schema_type),
        RefOr::T(Schema::OneOf(either)) => either.items.iter().any(is_nullable),
        _ => false,
    }
}

/// What is flattened into a schema and may be absent has its properties, none of them required: `null` beside them, as
/// the derived schema has it, is nothing that JSON can hold there.
pub(crate) fn with_absent_parts(mut document: Document) -> Document {
    let Some(components) = document.components.as_mut() else { return document };
    let known = components.schemas.clone();
    for schema in components.schemas.values_mut() {
        let RefOr::T(Schema::AllOf(whole)) = schema else { continue };
        for part in &mut whole.items {
            if let Some(absent) = optional(part, &known) {
                *part = RefOr::T(Schema::Object(absent));
            }
        }
    }
    document
}

fn optional(part: &RefOr<Schema>, known: &BTreeMap<String, RefOr<Schema>>) -> Option<Object> {
    let RefOr::T(Schema::OneOf(either)) = part else { return None };
    let name = either.items.iter().find_map(|item| match item {
        RefOr::Ref(to) => to.ref_location.rsplit('/').next(),
        RefOr::T(_) => None,
    })?;
    let RefOr::T(Schema::Object(object)) = known.get(name)? else { return None };
    let mut object = object.clone();
    object.required.clear();
    Some(object)
}

/// A file's media type, without its parameters.
fn file(format: Format) -> (String, Content) {
    let media = format.media_type().split(';').next().unwrap_or_default().trim();
    let octets = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)));
    (media.to_owned(), ContentBuilder::new().schema(Some(octets.build())).build())
}

fn takes(operation: &Operation, name: &str) -> bool {
    let is = |own: &RefOr<Parameter>| matches!(own, RefOr::T(own) if own.name == name);
    operation.parameters.iter().flatten().any(is)
}

fn problem(description: &str) -> ResponseBuilder {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content("application/problem+json", problem)
}

fn with_answer(mut document: Document, status: &str, answer: &Response) -> Document {
    for operation in operations(&mut document) {
        operation.responses.responses.insert(status.to_owned(), answer.clone().into());
    }
    document
}

fn operations(document: &mut Document) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|item| {
        item.get.as_mut().into_iter().chain(&mut item.post).chain(&mut item.delete)
    })
}
