"""Files that survive and do no harm: written aside, synced and renamed; read without pickle, within stated sizes.

atomic        a file is whole or not there          `replacing`, `write_text`
arrays        .npy and .npz, checked before memory is taken
checkpoint    named arrays and facts in one file    `save`, `load`
"""
