//! UpdateItem: updates some attributes of one item.

use super::meter::{failed_write_units, units};
use super::{Table, key};
use crate::dynamodb::errors::store_error;
use crate::dynamodb::item::Item;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure, Update as UpdateOperation,
};
use coinolio_core::store::StoreError;
use std::collections::HashMap;

/// An update of one item: its expressions, and the names and values that they refer to.
#[derive(Debug, Default)]
pub(in crate::dynamodb) struct Update {
    set: Vec<String>,
    remove: Vec<String>,
    conditions: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

/// The outcome of an update.
#[derive(Debug)]
pub(in crate::dynamodb) enum Updated {
    /// The item was written. Contains its state before the update, if it existed.
    Written(Option<Item>),
    /// A condition was false, so nothing was written. Contains the stored item, if there is one.
    Refused(Option<Item>),
}

impl Update {
    /// Sets an attribute.
    pub(in crate::dynamodb) fn set(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = {value}"));
    }

    /// Sets an attribute if it has no value yet.
    pub(in crate::dynamodb) fn set_if_absent(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = if_not_exists({name}, {value})"));
    }

    /// Sets an attribute, or removes it if there is no `value`.
    pub(in crate::dynamodb) fn replace(&mut self, attribute: &str, value: Option<AttributeValue>) {
        match value {
            Some(value) => self.set(attribute, value),
            None => {
                let name = self.name(attribute);
                self.remove.push(name);
            }
        }
    }

    /// Adds a condition. The update succeeds only if all conditions are true.
    pub(in crate::dynamodb) fn require(&mut self, condition: impl Into<String>) {
        self.conditions.push(condition.into());
    }

    /// Adds an attribute's name and returns its placeholder, for use in a condition. A plain name would fail if it
    /// is one of DynamoDB's reserved words.
    pub(in crate::dynamodb) fn name(&mut self, attribute: &str) -> String {
        let known = self.names.iter().find(|(_, known)| *known == attribute);
        if let Some((name, _)) = known {
            return name.clone();
        }
        let name = format!("#n{}", self.names.len());
        self.names.insert(name.clone(), attribute.to_owned());
        name
    }

    /// Adds a value and returns its placeholder, for use in a condition.
    pub(in crate::dynamodb) fn value(&mut self, value: AttributeValue) -> String {
        let name = format!(":v{}", self.values.len());
        self.values.insert(name.clone(), value);
        name
    }

    /// Returns the update as an operation of a transaction, for the item with this `key`.
    pub(super) fn operation(&self, table: &str, key: Item) -> Result<UpdateOperation, BuildError> {
        UpdateOperation::builder()
            .table_name(table)
            .set_key(Some(key))
            .update_expression(self.expression())
            .condition_expression(self.conditions.join(" AND "))
            .set_expression_attribute_names(Some(self.names.clone()))
            .set_expression_attribute_values(Some(self.values.clone()))
            .build()
    }

    fn expression(&self) -> String {
        let mut expression = format!("SET {}", self.set.join(", "));
        if !self.remove.is_empty() {
            expression = format!("{expression} REMOVE {}", self.remove.join(", "));
        }
        expression
    }
}

impl Table {
    /// Updates an item. Creates it if it does not exist and the conditions allow that.
    pub(in crate::dynamodb) async fn update(&self, pk: &str, sk: &str, update: Update) -> Result<Updated, StoreError> {
        let sent = self
            .client
            .update_item()
            .table_name(&*self.name)
            .set_key(Some(key(pk, sk)))
            .update_expression(update.expression())
            .condition_expression(update.conditions.join(" AND "))
            .set_expression_attribute_names(Some(update.names))
            .set_expression_attribute_values(Some(update.values))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await;
        let error = match sent {
            Ok(sent) => {
                self.meter.wrote(units(sent.consumed_capacity.as_ref()));
                // If the item did not exist, DynamoDB returns nothing and an emulator returns the key's two
                // attributes.
                return Ok(Updated::Written(sent.attributes.filter(|before| before.len() > 2)));
            }
            Err(error) => error,
        };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(store_error(error));
        };
        let there = failed.item().filter(|there| !there.is_empty()).cloned();
        self.meter.wrote(Some(
            there.as_ref().map_or(1.0, |there| failed_write_units(there, None)),
        ));
        Ok(Updated::Refused(there))
    }
}
