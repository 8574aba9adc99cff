//! The requests and responses of protocol v1 and v2.
