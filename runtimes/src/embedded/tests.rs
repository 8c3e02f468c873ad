//! Specs of the embedded runtime, over every port in memory and a scripted model provider.

mod chats;
mod lifecycle;
mod memories;
mod tasks;
mod world;
