//! Specs of the embedded runtime, over every port in memory and a scripted model provider.

mod chats;
mod cron;
mod lifecycle;
mod memories;
mod settings;
mod tasks;
mod world;
