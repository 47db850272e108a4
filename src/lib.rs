//! Checks a container image against the contract of Tencent Cloud SCF.
#![doc = include_str!("../ARCHITECTURE.md")]

pub mod boot;
pub mod catalogue;
pub mod check;
pub mod contract;
pub mod endpoint;
pub mod engine;
pub mod evidence;
pub mod image;
pub mod nearest;
pub mod oci;
pub mod pipeline;
pub mod plan;
pub mod push;
pub mod registry;
pub mod report;
pub mod rules;
pub mod run;
pub mod selection;
pub mod selftest;
pub mod source;
pub mod suite;
pub mod sys;
pub mod units;
pub mod unpack;
pub mod waiver;
