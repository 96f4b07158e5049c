# mim train mmaction configs/gmp/drop_in/gmp_rgbpose-conv3d_8xb6-20e_ntu60-xsub.py \
#     --gpus 8 --launcher pytorch
# RGBPose-Conv3D of MMAction2, trained with GMP. Data, model, optimizer,
# clipping and schedule are those of the stock config.
_base_ = 'mmaction::skeleton/posec3d/rgbpose_conv3d/rgbpose_conv3d.py'

custom_imports = dict(imports=['mmgmp'], allow_failed_imports=False)

optim_wrapper = dict(
    type='GMPOptimWrapper',
    modalities=dict(rgb='backbone.rgb_path', pose='backbone.pose_path'),
    # One source domain: no domain task, and only the classification is
    # modulated.
    tasks=dict(semantic=['rgb_loss_cls', 'pose_loss_cls']),
    # The model returns no confidences; exp(-loss) replaces them.
    confidences=dict(semantic=dict(rgb='rgb_loss_cls', pose='pose_loss_cls')),
    alpha_k=0.5,
)
