//! The table, where no template makes it: on the local server and in tests.

use super::errors::{refused, store_error};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType, TimeToLiveSpecification,
};
use coinolio_core::store::StoreError;

/// Makes the table `name` as `template.yaml` does, unless it is there: on-demand billing, keys `pk` and
/// `sk`, `expires_at` as the time to live, and a stream of new images.
///
/// It does not wait for the table: an emulated one is ready at once.
///
/// # Errors
/// Whatever DynamoDB answers to CreateTable or UpdateTimeToLive, save that the table is there.
pub async fn create_table_if_missing(client: &Client, name: &str) -> Result<(), StoreError> {
    let mut create = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .stream_specification(stream()?);
    for (attribute, role) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let definition = AttributeDefinition::builder()
            .attribute_name(attribute)
            .attribute_type(ScalarAttributeType::S);
        let element = KeySchemaElement::builder().attribute_name(attribute).key_type(role);
        create = create
            .attribute_definitions(definition.build().map_err(refused)?)
            .key_schema(element.build().map_err(refused)?);
    }
    match create.send().await {
        Ok(_) => {}
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|e| e.is_resource_in_use_exception()) =>
        {
            return Ok(());
        }
        Err(error) => return Err(store_error(error)),
    }
    let expiry = TimeToLiveSpecification::builder()
        .attribute_name("expires_at")
        .enabled(true);
    client
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(expiry.build().map_err(refused)?)
        .send()
        .await
        .map(drop)
        .map_err(store_error)
}

/// Turns the stream of a table on that was made without one.
///
/// # Errors
/// Whatever DynamoDB answers to DescribeTable or UpdateTable.
pub async fn enable_stream_if_missing(client: &Client, name: &str) -> Result<(), StoreError> {
    let table = client.describe_table().table_name(name).send().await;
    let table = table.map_err(store_error)?.table;
    let streams = table.and_then(|table| table.stream_specification);
    if streams.is_some_and(|stream| stream.stream_enabled) {
        return Ok(());
    }
    let update = client.update_table().table_name(name).stream_specification(stream()?);
    update.send().await.map(drop).map_err(store_error)
}

fn stream() -> Result<StreamSpecification, StoreError> {
    StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewImage)
        .build()
        .map_err(refused)
}
