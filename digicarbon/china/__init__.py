"""All that is China's: provinces and their neighbours, the layouts of its statistics, the simulated study."""
